/* board.h - what the example needs of a board: to print, to end, to measure its stack. */
#ifndef FIRMWARE_BOARD_H
#define FIRMWARE_BOARD_H

#include <stdbool.h>
#include <stdint.h>

void board_print(const char *text);
void board_print_number(uint32_t number);

/* Ends the emulation with exit code 0, or 1. */
void board_exit(bool good);

/* Fills the free part of the stack with a pattern ... */
void board_stack_paint(void);

/* ... and later finds the most bytes that were in use below the caller of board_stack_paint. */
uint32_t board_stack_used(void);

#endif
