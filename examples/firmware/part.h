/* part.h - a microcontroller's flash, simulated in RAM: what stands for the vendor's driver here.
 *
 * 9 sectors of 256 bytes, read like memory, programmed in words of 4 bytes, each at most twice
 * between erases. It notes the first breach of its rules, and its power can be cut inside any
 * program or erase.
 */
#ifndef FIRMWARE_PART_H
#define FIRMWARE_PART_H

#include <stdbool.h>
#include <stdint.h>

#define PART_SECTOR 256u
#define PART_SECTORS 9u
#define PART_SIZE (PART_SECTOR * PART_SECTORS)
#define PART_WORD 4u
#ifndef PART_PROGRAMS_PER_WORD
#define PART_PROGRAMS_PER_WORD 2u /* 0: as many as one likes */
#endif

extern uint8_t part_memory[PART_SIZE];

/* A new part: blank, power on, no cut planned. */
void part_new(void);

/* Both do nothing and return false when the power is off or a rule is broken. */
bool part_program(uint32_t address, const void *data, uint32_t size);
bool part_erase(uint32_t address);

/* Cuts the power in the middle of the nth program or erase from now on, from 1; 0: never. */
void part_cut_in(uint32_t nth);
bool part_is_off(void);
void part_power_on(void);

/* The rule that was broken first, or NULL. */
const char *part_breach(void);

#endif
