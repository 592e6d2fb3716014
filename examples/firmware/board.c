/* board.c - see board.h. From reset to main as on any Cortex-M: copy .data, clear .bss, go. */
#include "examples/firmware/board.h"

#include <stddef.h>
#include <string.h>

/* The debugger's operations. */
enum { WRITE0 = 0x04, EXIT = 0x18 };
#define EXIT_GOOD ((const void *)0x20026) /* the application ended */
#define EXIT_BAD ((const void *)0x20023)  /* a run-time error */

#define PAINT 0xA5A5A5A5u
/* Bytes below the frame of board_stack_paint that its own work may need. */
#define PAINT_GAP 64u

int board_debugger(int operation, const void *argument); /* start.S */
void board_reset(void);
void board_fault(void);
int main(void);

/* Addresses that board.ld makes. */
extern const uint8_t data_image[];
extern uint8_t data_start[], data_end[], bss_start[], bss_end[];

static uintptr_t painted_top;

void board_print(const char *text)
{
    board_debugger(WRITE0, text);
}

void board_print_number(uint32_t number)
{
    char digits[11];
    char *at = digits + sizeof digits - 1;
    *at = 0;
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    board_print(at);
}

void board_exit(bool good)
{
    board_debugger(EXIT, good ? EXIT_GOOD : EXIT_BAD);
    for (;;) {}
}

void board_fault(void)
{
    board_print("FAULT\n");
    board_exit(false);
}

void board_reset(void)
{
    memcpy(data_start, data_image, (size_t)(data_end - data_start));
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
    board_exit(main() == 0);
}

void board_stack_paint(void)
{
    painted_top = (uintptr_t)__builtin_frame_address(0);
    volatile uint32_t *word = (volatile uint32_t *)(void *)bss_end;
    while ((uintptr_t)word < painted_top - PAINT_GAP)
        *word++ = PAINT;
}

uint32_t board_stack_used(void)
{
    const volatile uint32_t *word = (const volatile uint32_t *)(const void *)bss_end;
    while (*word == PAINT)
        word++;
    return (uint32_t)(painted_top - (uintptr_t)word);
}
