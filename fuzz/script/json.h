/* json.h - text as JSON, for what machines read. */
#ifndef BROWNOUT_JSON_H
#define BROWNOUT_JSON_H

#include <stdio.h>

/* A string, quotes included. */
void json_print(FILE *out, const char *text);

#endif
