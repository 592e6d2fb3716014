/* part.c - the catalogue of flash parts.
 *
 * Geometry in the order sector size, sectors, page, unit, read unit, erased byte, programs for each
 * unit, tear scope. Times that are not known are left out. Parts that differ only in size share the
 * numbers of their family. Inside a microcontroller the page is the sector, since words are written
 * one after the other and only the word in progress is torn.
 *
 * Not here, because the geometry cannot say it: WCH CH32V (erased reads 0xE339E339), limits of
 * writes for a whole row or block (approximated where the summary says so), and parts on which an
 * erased unit reads as an error.
 */
#include "sim/part.h"
#include "sim/fault.h"

#include <assert.h>
#include <string.h>

#define US(n) ((n)*UINT64_C(1000))
#define MS(n) ((n)*UINT64_C(1000000))
#define SHEET(n)                                                                                   \
    {                                                                                              \
        n, PART_DATASHEET                                                                          \
    }
#define QUOTED(n)                                                                                  \
    {                                                                                              \
        n, PART_QUOTED                                                                             \
    }
#define ASSUMED(n)                                                                                 \
    {                                                                                              \
        n, PART_ASSUMED                                                                            \
    }
#define UNCUT_FAULTS (FAULT_ROT | FAULT_FAIL | FAULT_GLITCH | FAULT_LIE | FAULT_STRAY)
#define PLAIN_FAULTS (FAULT_STABLE | FAULT_WEAK | UNCUT_FAULTS)
#define ECC_FAULTS (PLAIN_FAULTS | FAULT_ECC)

static const struct part parts[] = {
    {
        .name = "generic",
        .summary = "no part in particular: 64 KiB in sectors of 4 KiB, no limits, no times",
        .source = "made up",
        .geometry = {4096, 16, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_ASSUMED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
    },
    {
        .name = "w25q128jv",
        .summary = "Winbond serial NOR, 16 MiB",
        .source = "W25Q128JV data sheet rev F, quoted in drivers",
        .geometry = {4096, 4096, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(400)),
        .program_ns_max = QUOTED(MS(3)),
        .erase_ns_typ = QUOTED(MS(45)),
        .erase_ns_max = QUOTED(MS(400)),
        .endurance = QUOTED(100000),
    },
    {
        .name = "w25q64jv",
        .summary = "Winbond serial NOR, 8 MiB",
        .source = "W25Q64JV data sheet, features page and as quoted in drivers",
        .geometry = {4096, 2048, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(800)),
        .program_ns_max = QUOTED(MS(3)),
        .erase_ns_typ = QUOTED(MS(45)),
        .erase_ns_max = QUOTED(MS(400)),
        .endurance = SHEET(100000),
    },
    {
        .name = "w25q16jv",
        .summary = "Winbond serial NOR, 2 MiB: the flash of a Raspberry Pi Pico",
        .source = "endurance quoted by Pico documents; times assumed as W25Q128JV",
        .geometry = {4096, 512, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(400)),
        .program_ns_max = ASSUMED(MS(3)),
        .erase_ns_typ = ASSUMED(MS(45)),
        .erase_ns_max = ASSUMED(MS(400)),
        .endurance = QUOTED(100000),
    },
    {
        .name = "w25q512jv",
        .summary = "Winbond serial NOR, 64 MiB",
        .source = "SFDP as dumped in QEMU",
        .geometry = {4096, 16384, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(700)),
        .program_ns_max = QUOTED(US(4200)),
        .erase_ns_typ = QUOTED(MS(64)),
        .erase_ns_max = QUOTED(MS(896)),
        .endurance = ASSUMED(100000),
    },
    {
        .name = "mx25r6435f",
        .summary = "Macronix low-power serial NOR, 8 MiB, high-performance mode",
        .source = "MX25R6435F data sheet rev 1.6 as quoted; maxima from SFDP",
        .geometry = {4096, 2048, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(850)),
        .program_ns_max = QUOTED(US(5376)),
        .erase_ns_typ = QUOTED(MS(40)),
        .erase_ns_max = QUOTED(MS(384)),
        .endurance = ASSUMED(100000),
    },
    {
        .name = "mx25r6435f-ulp",
        .summary = "the same in ultra-low-power mode",
        .source = "MX25R6435F data sheet rev 1.6 as quoted; maxima from SFDP",
        .geometry = {4096, 2048, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(3200)),
        .program_ns_max = QUOTED(US(5376)),
        .erase_ns_typ = QUOTED(MS(58)),
        .erase_ns_max = QUOTED(MS(384)),
        .endurance = ASSUMED(100000),
    },
    {
        .name = "mx66l1g45g",
        .summary = "Macronix serial NOR, 128 MiB",
        .source = "SFDP as dumped in QEMU",
        .geometry = {4096, 32768, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(260)),
        .program_ns_max = QUOTED(US(3100)),
        .erase_ns_typ = QUOTED(MS(30)),
        .erase_ns_max = QUOTED(MS(420)),
        .endurance = ASSUMED(100000),
    },
    {
        .name = "mt25ql128",
        .summary = "Micron serial NOR, 16 MiB",
        .source = "MT25QL128ABA data sheet front page; maximum erase from ST board support",
        .geometry = {4096, 4096, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_DATASHEET,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(120)),
        .program_ns_max = ASSUMED(US(1800)),
        .erase_ns_typ = ASSUMED(MS(50)),
        .erase_ns_max = QUOTED(MS(400)),
        .endurance = SHEET(100000),
    },
    {
        .name = "is25wp256",
        .summary = "ISSI serial NOR, 32 MiB",
        .source = "SFDP as dumped in QEMU",
        .geometry = {4096, 8192, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(200)),
        .program_ns_max = QUOTED(US(1200)),
        .erase_ns_typ = QUOTED(MS(48)),
        .erase_ns_max = QUOTED(MS(384)),
        .endurance = ASSUMED(100000),
    },
    {
        .name = "gd25q32c",
        .summary = "GigaDevice serial NOR, 4 MiB: common on ESP32 modules",
        .source = "GD25Q32C data sheet as quoted in a note on ESP-IDF",
        .geometry = {4096, 1024, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(600)),
        .erase_ns_typ = QUOTED(MS(50)),
        .endurance = QUOTED(100000),
    },
    {
        .name = "at25sf081",
        .summary = "Adesto/Renesas serial NOR, 1 MiB",
        .source = "data sheet DS-25SF081-045I",
        .geometry = {4096, 256, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_DATASHEET,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = SHEET(US(700)),
        .erase_ns_typ = SHEET(MS(70)),
        .endurance = SHEET(100000),
    },
    {
        .name = "at25dn256",
        .summary = "Adesto serial NOR, 32 KiB; its 256-byte page erase is not modelled",
        .source = "data sheet DS-25DN256-039B",
        .geometry = {4096, 8, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_DATASHEET,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = SHEET(US(1500)),
        .erase_ns_typ = SHEET(MS(40)),
        .endurance = SHEET(100000),
    },
    {
        .name = "sst26vf064b",
        .summary =
            "Microchip SuperFlash, 8 MiB: an interrupted program may disturb its whole sector",
        .source = "vendor's Verilog model; scope from Microchip FAQ 3411",
        .geometry = {4096, 2048, 256, 1, 1, 0xFF, 0, BO_FLASH_TEAR_SECTOR},
        .geometry_trust = PART_QUOTED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(1500)),
        .erase_ns_typ = QUOTED(MS(25)),
        .endurance = ASSUMED(100000),
    },
    {
        .name = "s25hl512t",
        .summary = "Infineon Semper, 64 MiB, 256 KiB sectors, ECC over 16 bytes: one program each",
        .source = "one program: a Linux UBI patch; maxima: the vendor's models; the rest assumed",
        .geometry = {262144, 256, 256, 16, 1, 0xFF, 1, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_ASSUMED,
        .external = true,
        .ecc = true,
        .program_per_page = true,
        .faults = ECC_FAULTS,
        .program_ns_typ = ASSUMED(US(430)),
        .program_ns_max = QUOTED(US(1700)),
        .erase_ns_typ = ASSUMED(MS(773)),
        .erase_ns_max = QUOTED(MS(2677)),
        .endurance = ASSUMED(100000),
    },
    {
        .name = "s29gl512n",
        .summary = "Spansion parallel NOR, 64 MiB, 128 KiB sectors; an interrupted erase may lock "
                   "a sector",
        .source = "erase behaviour from Linux UBI; numbers assumed",
        .geometry = {131072, 512, 32, 2, 1, 0xFF, 0, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_ASSUMED,
        .external = true,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(240)),
        .erase_ns_typ = ASSUMED(MS(500)),
        .erase_ns_max = ASSUMED(MS(3500)),
        .endurance = ASSUMED(100000),
    },
    {
        .name = "nrf52840",
        .summary = "Nordic, 1 MiB inside, words of 4 bytes written at most twice",
        .source = "product specification text; times quoted; two programs confirmed by the vendor",
        .geometry = {4096, 256, 4096, 4, 1, 0xFF, 2, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_QUOTED,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = QUOTED(US(41)),
        .erase_ns_typ = QUOTED(MS(85)),
        .erase_ns_max = QUOTED(US(89700)),
        .endurance = ASSUMED(10000),
    },
    {
        .name = "nrf52832",
        .summary = "Nordic, 512 KiB inside; 181 writes for each 512 bytes, here one for each word",
        .source = "product specification text; typical times assumed, maxima from the vendor",
        .geometry = {4096, 128, 4096, 4, 1, 0xFF, 1, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_QUOTED,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(42)),
        .program_ns_max = SHEET(US(500)),
        .erase_ns_typ = ASSUMED(US(87500)),
        .erase_ns_max = SHEET(MS(90)),
        .endurance = QUOTED(10000),
    },
    {
        .name = "nrf5340",
        .summary = "Nordic, 1 MiB inside, words of 4 bytes written at most twice",
        .source = "docs.nordicsemi.com; page size assumed",
        .geometry = {4096, 256, 4096, 4, 1, 0xFF, 2, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_ASSUMED,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = SHEET(US(43)),
        .erase_ns_typ = SHEET(US(87500)),
        .endurance = SHEET(10000),
    },
    {
        .name = "nrf9160",
        .summary = "Nordic, 1 MiB inside, words of 4 bytes",
        .source = "assumed as nRF5340",
        .geometry = {4096, 256, 4096, 4, 1, 0xFF, 2, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_ASSUMED,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(43)),
        .erase_ns_typ = ASSUMED(MS(87)),
        .endurance = ASSUMED(10000),
    },
    {
        .name = "stm32f405",
        .summary = "ST, the seven sectors of 128 KiB, words of 4 bytes written again freely",
        .source = "RM0090; DS8626 rev 12 as quoted",
        .geometry = {131072, 7, 131072, 4, 1, 0xFF, 0, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_DATASHEET,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(16)),
        .program_ns_max = QUOTED(US(100)),
        .erase_ns_typ = ASSUMED(MS(1000)),
        .erase_ns_max = QUOTED(MS(2000)),
        .endurance = ASSUMED(10000),
    },
    {
        .name = "stm32f405-16k",
        .summary = "the same part's four sectors of 16 KiB",
        .source = "RM0090; DS8626 rev 12 as quoted",
        .geometry = {16384, 4, 16384, 4, 1, 0xFF, 0, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_DATASHEET,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(16)),
        .program_ns_max = QUOTED(US(100)),
        .erase_ns_typ = QUOTED(MS(250)),
        .erase_ns_max = QUOTED(MS(800)),
        .endurance = ASSUMED(10000),
    },
    {
        .name = "stm32l476",
        .summary = "ST, 1 MiB inside, double words with ECC written once",
        .source =
            "vendor's forum; sector size from DS10198; times assumed but for the longest erase",
        .geometry = {2048, 512, 2048, 8, 1, 0xFF, 1, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_DATASHEET,
        .ecc = true,
        .zeros_again = true,
        .faults = ECC_FAULTS,
        .program_ns_typ = ASSUMED(US(82)),
        .program_ns_max = ASSUMED(US(91)),
        .erase_ns_typ = ASSUMED(MS(22)),
        .erase_ns_max = QUOTED(US(24470)),
        .endurance = ASSUMED(10000),
    },
    {
        .name = "stm32g030c6",
        .summary = "ST, 32 KiB inside, double words with ECC written once",
        .source = "STM32G030C6 data sheet as quoted",
        .geometry = {2048, 16, 2048, 8, 1, 0xFF, 1, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_QUOTED,
        .ecc = true,
        .faults = ECC_FAULTS,
        .program_ns_typ = QUOTED(US(85)),
        .program_ns_max = QUOTED(US(125)),
        .erase_ns_typ = QUOTED(MS(22)),
        .erase_ns_max = QUOTED(MS(40)),
        .endurance = ASSUMED(1000),
    },
    {
        .name = "stm32h743",
        .summary = "ST, 2 MiB inside, words of 32 bytes with ECC written once",
        .source = "DS12110 rev 11 as quoted; RM0433",
        .geometry = {131072, 16, 131072, 32, 1, 0xFF, 1, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_QUOTED,
        .ecc = true,
        .faults = ECC_FAULTS,
        .program_ns_typ = QUOTED(US(100)),
        .program_ns_max = QUOTED(US(200)),
        .erase_ns_typ = QUOTED(MS(1000)),
        .erase_ns_max = QUOTED(MS(2000)),
        .endurance = ASSUMED(10000),
    },
    {
        .name = "stm32u575",
        .summary = "ST, 2 MiB inside, quad words with ECC written once; most times unknown",
        .source = "unit, sector size and longest erase quoted; the rest assumed",
        .geometry = {8192, 256, 8192, 16, 1, 0xFF, 1, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_QUOTED,
        .ecc = true,
        .faults = ECC_FAULTS,
        .erase_ns_max = QUOTED(MS(5)),
        .endurance = ASSUMED(10000),
    },
    {
        .name = "samd21",
        .summary = "Microchip, 256 KiB inside, rows of 256 bytes; eight writes for each row, here "
                   "one of 32 bytes each",
        .source = "vendor's online documentation 45.11; typical times assumed as maxima",
        .geometry = {256, 1024, 64, 32, 1, 0xFF, 1, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_DATASHEET,
        .program_per_page = true,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(2500)),
        .program_ns_max = SHEET(US(2500)),
        .erase_ns_typ = ASSUMED(MS(6)),
        .erase_ns_max = SHEET(MS(6)),
        .endurance = SHEET(25000),
    },
    {
        .name = "same54",
        .summary =
            "Microchip, 1 MiB inside, quad words with ECC; an interrupted write spoils the block",
        .source = "vendor's online documentation 55.34, part name inferred; typical erase assumed",
        .geometry = {8192, 128, 512, 16, 1, 0xFF, 1, BO_FLASH_TEAR_SECTOR},
        .geometry_trust = PART_ASSUMED,
        .ecc = true,
        .program_per_page = true,
        .faults = ECC_FAULTS,
        .program_ns_typ = SHEET(US(1500)),
        .program_ns_max = SHEET(MS(3)),
        .erase_ns_typ = ASSUMED(MS(200)),
        .erase_ns_max = SHEET(MS(200)),
        .endurance = SHEET(10000),
    },
    {
        .name = "lpc55s69",
        .summary = "NXP, 630 KiB inside, erased bytes are 0, ECC over 16 bytes; times unknown",
        .source = "UM11126; NXP on the erased memory state; a read of a blank unit is a bus fault "
                  "there, not here",
        .geometry = {512, 1260, 512, 16, 1, 0x00, 1, BO_FLASH_TEAR_PAGE},
        .geometry_trust = PART_DATASHEET,
        .ecc = true,
        .faults = ECC_FAULTS,
        .endurance = QUOTED(10000),
    },
    {
        .name = "efm32gg11",
        .summary = "Silicon Labs, 2 MiB inside, words written at most twice",
        .source = "assumed; two programs confirmed by the vendor for EFR32MG21 only",
        .geometry = {4096, 512, 4096, 4, 1, 0xFF, 2, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_ASSUMED,
        .faults = PLAIN_FAULTS,
        .program_ns_typ = ASSUMED(US(20)),
        .erase_ns_typ = ASSUMED(MS(20)),
        .endurance = ASSUMED(10000),
    },
    {
        .name = "mspm0g3507",
        .summary = "TI, 128 KiB inside, double words with ECC; times unknown",
        .source = "SLAU846, SLAAEB4; sector size assumed",
        .geometry = {1024, 128, 1024, 8, 1, 0xFF, 1, BO_FLASH_TEAR_UNIT},
        .geometry_trust = PART_ASSUMED,
        .ecc = true,
        .faults = ECC_FAULTS,
        .endurance = SHEET(10000),
    },
};

const struct part *part_at(size_t n)
{
    return n < sizeof parts / sizeof parts[0] ? &parts[n] : NULL;
}

const struct part *part_find(const char *name)
{
    for (size_t n = 0; part_at(n); n++) {
        if (strcmp(part_at(n)->name, name) == 0) return part_at(n);
    }
    return NULL;
}

uint32_t part_fault_defaults(const struct part *part)
{
    assert((part->faults & FAULT_STABLE) == FAULT_STABLE);
    return FAULT_STABLE | (part->ecc ? (uint32_t)FAULT_ECC : 0u);
}

/* Where a field stands and how wide it is. */
struct part_field {
    const char *name;
    size_t offset; /* in struct part */
    size_t size;
};

#define PART_FIELD(text, member)                                                                   \
    {                                                                                              \
        text, offsetof(struct part, member), sizeof(((struct part *)0)->member)                    \
    }

static const struct part_field part_fields[] = {
    PART_FIELD("sectors", geometry.sector_count),
    PART_FIELD("sector", geometry.sector_size),
    PART_FIELD("page", geometry.page_size),
    PART_FIELD("unit", geometry.unit),
    PART_FIELD("read", geometry.read_unit),
    PART_FIELD("erased", geometry.erased),
    PART_FIELD("programs", geometry.programs_per_unit),
    PART_FIELD("tear", geometry.tear_scope),
    PART_FIELD("endurance", endurance.value),
    PART_FIELD("zeros", zeros_again),
};

static void part_store(void *field, size_t size, uint64_t value)
{
    assert(size == 1 || size == 2 || size == 4 || size == 8);
    uint8_t narrow = (uint8_t)value;
    uint16_t half = (uint16_t)value;
    uint32_t word = (uint32_t)value;
    switch (size) {
    case 1:
        memcpy(field, &narrow, 1);
        break;
    case 2:
        memcpy(field, &half, 2);
        break;
    case 4:
        memcpy(field, &word, 4);
        break;
    default:
        memcpy(field, &value, 8);
        break;
    }
}

bool part_override(struct part *part, const char *name, uint64_t value)
{
    for (size_t i = 0; i < sizeof part_fields / sizeof part_fields[0]; i++) {
        const struct part_field *field = &part_fields[i];
        if (strcmp(field->name, name) != 0) continue;
        if (field->size < 8 && value >> (8 * field->size) != 0) return false;
        part_store((uint8_t *)part + field->offset, field->size, value);
        return true;
    }
    return false;
}
