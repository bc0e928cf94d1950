-- wrk sends the 10 KB of the echo case; keep the body equal to large.py's.
wrk.method = "POST"
wrk.body = string.rep("0123456789abcdef", 640)
wrk.headers["Content-Type"] = "application/octet-stream"
