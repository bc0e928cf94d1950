/*
 * module: the functions that the Python side of this package is built on.
 *
 * Role: the built-in module _gophersnake. What applications import as mod_wsgi
 * and apache is made from it by the sources in py/.
 */
#ifndef GS_MODULE_H
#define GS_MODULE_H

/* Creates the module and enters it into sys.modules of the current interpreter.
 * Returns 0, or -1 with an exception. */
int gs_module_new(void);

#endif
