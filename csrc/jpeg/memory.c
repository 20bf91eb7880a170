/* Coefficient arrays in memory that is kept from image to image.
 *
 * libjpeg frees its arrays after every image, glibc hands them back to the system, and the next image
 * pays for fresh pages: as much as the whole inverse DCT on 4:4:4 files. The memory manager's methods are
 * a public table of function pointers, so the three that concern block arrays are replaced by ours; the
 * small pools stay libjpeg's own. Arrays lie one after another, zeroed, rows contiguous.
 */
#include <stdlib.h>
#include <string.h>

#include "jpeg/private.h"

static jvirt_barray_ptr on_request(j_common_ptr cinfo, int pool_id, boolean pre_zero,
                                   JDIMENSION blocks_per_row, JDIMENSION num_rows, JDIMENSION max_access) {
  (void)pool_id, (void)pre_zero, (void)max_access;
  dctd_reader* reader = dctd_reader_of(cinfo);
  dctd_arena* arena = &reader->arena;
  if (arena->num_arrays == DCTD_MAX_COMPONENTS) {
    dctd_fail(reader, DCTD_UNSUPPORTED, "more than %d components", DCTD_MAX_COMPONENTS);
  }
  jvirt_barray_ptr array = &arena->arrays[arena->num_arrays++];
  array->blocks_per_row = blocks_per_row;
  array->num_rows = num_rows;
  array->rows = NULL;
  return array;
}

/* Zeroed room for the arrays; what is too small is replaced, not grown, since its contents are old. */
static int reserve(dctd_arena* arena, size_t bytes, size_t rows) {
  if (bytes <= arena->capacity_bytes) {
    memset(arena->blocks, 0, bytes);
  } else {
    free(arena->blocks);
    arena->blocks = calloc(bytes, 1);
    arena->capacity_bytes = arena->blocks != NULL ? bytes : 0;
    if (arena->blocks == NULL) return 0;
  }
  if (rows > arena->rows_capacity) {
    free(arena->rows);
    arena->rows = malloc(rows * sizeof *arena->rows);
    arena->rows_capacity = arena->rows != NULL ? rows : 0;
    if (arena->rows == NULL) return 0;
  }
  return 1;
}

static void on_realize(j_common_ptr cinfo) {
  dctd_reader* reader = dctd_reader_of(cinfo);
  dctd_arena* arena = &reader->arena;
  uint64_t bytes = 0, rows = 0;
  for (int i = 0; i < arena->num_arrays; ++i) {
    const struct jvirt_barray_control* array = &arena->arrays[i];
    bytes += (uint64_t)array->blocks_per_row * array->num_rows * sizeof(JBLOCK);
    rows += array->num_rows;
  }
  if (bytes > arena->max_bytes) {
    dctd_fail(reader, DCTD_LIMIT, "%llu MiB of coefficients, %llu allowed (limit max_memory_bytes)",
              (unsigned long long)(bytes >> 20), (unsigned long long)(arena->max_bytes >> 20));
  }
  if (bytes > SIZE_MAX / 2 || !reserve(arena, (size_t)bytes, (size_t)rows)) {
    dctd_fail(reader, DCTD_NO_MEMORY, "no memory for %llu bytes of coefficients", (unsigned long long)bytes);
  }
  JBLOCKROW block = (JBLOCKROW)arena->blocks;
  JBLOCKROW* row = arena->rows;
  for (int i = 0; i < arena->num_arrays; ++i) {
    struct jvirt_barray_control* array = &arena->arrays[i];
    array->rows = row;
    for (JDIMENSION y = 0; y < array->num_rows; ++y, block += array->blocks_per_row) *row++ = block;
  }
}

static JBLOCKARRAY on_access(j_common_ptr cinfo, jvirt_barray_ptr array, JDIMENSION start_row,
                             JDIMENSION num_rows, boolean writable) {
  (void)writable;
  if (array->rows == NULL || start_row > array->num_rows || num_rows > array->num_rows - start_row) {
    dctd_fail(dctd_reader_of(cinfo), DCTD_CORRUPT, "block rows outside the image were asked for");
  }
  return array->rows + start_row;
}

void dctd_install_arena(dctd_reader* reader) {
  struct jpeg_memory_mgr* memory = reader->cinfo.mem;
  reader->arena.num_arrays = 0;
  reader->arena.max_bytes = reader->options.max_coefficient_bytes;
  if (reader->arena.arrays == NULL) {
    reader->arena.arrays = calloc(DCTD_MAX_COMPONENTS, sizeof *reader->arena.arrays);
    if (reader->arena.arrays == NULL) dctd_fail(reader, DCTD_NO_MEMORY, "no memory");
  }
  memory->request_virt_barray = on_request;
  memory->realize_virt_arrays = on_realize;
  memory->access_virt_barray = on_access;
}

void dctd_arena_free(dctd_arena* arena) {
  free(arena->blocks);
  free(arena->rows);
  free(arena->arrays);
  memset(arena, 0, sizeof *arena);
}
