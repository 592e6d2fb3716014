/* start.S - the vector table, and the two things that C cannot say: the first instruction, and a call
 * of the debugger (semihosting), which under qemu prints and ends. For any ARMv6-M and later. */
    .syntax unified
    .thumb

    .section .vectors, "a"
    .word stack_top
    .word board_reset
    .rept 14 /* NMI, HardFault and the others; interrupts stay off */
    .word board_fault
    .endr

    .section .text.board_debugger, "ax"
    .global board_debugger
    .type board_debugger, %function
    .thumb_func
board_debugger: /* int board_debugger(int operation, const void *argument) */
    bkpt 0xAB
    bx lr
