# Run by pyhome.Find with every Python from 2.7 on: tells what it is.
import sys
sys.path[:] = [p for p in sys.path if p]  # not the current directory
import json, platform
try:
    from sysconfig import get_config_var, get_path
except ImportError:
    get_config_var = get_path = lambda name: None
if hasattr(sys, "implementation"):
    implementation = sys.implementation.name
else:
    implementation = platform.python_implementation().lower()
mapped = []
try:
    with open("/proc/self/maps") as maps:
        for line in maps:
            fields = line.rstrip("\n").split(None, 5)
            if len(fields) == 6 and "/libpython" in fields[5] and fields[5] not in mapped:
                mapped.append(fields[5])
except (IOError, OSError):
    pass
names = ("INSTSONAME", "LDLIBRARY", "LIBDIR", "MULTIARCH", "Py_ENABLE_SHARED",
         "Py_DEBUG", "Py_GIL_DISABLED")
print("gophersnake-probe:" + json.dumps({
    "version": list(sys.version_info[:3]),
    "implementation": implementation,
    "prefix": sys.prefix,
    "base_prefix": getattr(sys, "base_prefix", getattr(sys, "real_prefix", sys.prefix)),
    "executable": sys.executable,
    "stdlib": get_path("stdlib"),
    "abiflags": getattr(sys, "abiflags", ""),
    "config": dict((name, str(get_config_var(name) or "")) for name in names),
    "mapped": mapped,
}))
