/* seq.c - see seq.h. */
#include "seq.h"

#include <string.h>

bool seq_setup(struct seq *seq, const struct flash *flash, void *work, uint32_t work_size,
               uint32_t sectors_min)
{
    if (!seq_geometry_usable(&flash->geometry, sectors_min)) return false;
    memset(seq, 0, sizeof *seq);
    seq->flash = flash;
    seq->word = (uint8_t)seq_word_size(&flash->geometry);
    seq->header = (uint8_t)(seq->word > 8 ? seq->word : 8);
    seq->work = (uint8_t *)work;
    seq->work_size = seq_down(seq, work_size);
    return seq->work_size != 0 && work != NULL;
}

uint32_t seq_length_max(const struct seq *seq)
{
    uint32_t room = seq->flash->geometry.sector_size - 2u * seq->word - seq->header;
    return room < SEQ_LENGTH_MAX ? room : SEQ_LENGTH_MAX;
}

int seq_read(struct seq *seq, uint32_t address, void *buffer, uint32_t size, bool *bad)
{
    const uint8_t *held = seq_window(seq, address, size);
    *bad = false;
    if (held != NULL) {
        memmove(buffer, held, size);
        return FLASH_OK;
    }
    int error = flash_read(seq->flash, address, buffer, size);
    *bad = error == FLASH_ERR_ECC;
    return *bad ? FLASH_OK : error;
}
