/* json.c - see json.h. Bytes above 0x7f are printed as they are: texts of the harness are UTF-8. */
#include "fuzz/script/json.h"

void json_print(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < ' ')
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}
