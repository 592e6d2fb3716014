/* port.h - the flash of this board as engines see it: the one thing that firmware has to write. */
#ifndef FIRMWARE_PORT_H
#define FIRMWARE_PORT_H

#include "engines/flash.h"

/* The region of the part that belongs to the store. */
const struct bo_flash *port_flash(void);

#endif
