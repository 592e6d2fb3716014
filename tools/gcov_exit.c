/* Linked into `make coverage` only: a worker process leaves by `_exit`, which runs nothing at exit,
 * so its counts would be lost. The linker sends each call of `_exit` here (--wrap=_exit). */

void __gcov_dump(void);
_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

_Noreturn void __wrap__exit(int code)
{
    __gcov_dump();
    __real__exit(code);
}
