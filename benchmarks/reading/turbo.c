/* The strongest fair use of jpeg_read_coefficients. libjpeg frees its arrays after every image, and the next
 * one pays for fresh pages; here they lie in memory that is kept. Rows are zeroed when they are first
 * visited, as libjpeg does it, so that the cache still holds them when they are written. */
#include "turbo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* jpeglib.h needs size_t and FILE. */
#include <jpeglib.h>

enum { MAX_ARRAYS = 4 };

/* jpeglib.h leaves this type to the memory manager, which for kept memory is us. */
struct jvirt_barray_control {
  JDIMENSION width_blocks, num_rows, zeroed_rows;
  JBLOCKROW* rows;
};

struct turbo {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  jvirt_barray_ptr* found;
  int keep_memory;
  int num_arrays;
  struct jvirt_barray_control arrays[MAX_ARRAYS];
  JBLOCK* blocks;
  JBLOCKROW* rows;
  size_t blocks_capacity, rows_capacity;
};

static void stop(const char* message) {
  fprintf(stderr, "%s\n", message);
  exit(EXIT_FAILURE);
}

static jvirt_barray_ptr on_request(j_common_ptr info, int pool, boolean pre_zero, JDIMENSION width_blocks,
                                   JDIMENSION num_rows, JDIMENSION max_access) {
  (void)pool, (void)pre_zero, (void)max_access;
  turbo* reader = info->client_data;
  if (reader->num_arrays == MAX_ARRAYS) stop("more than four components");
  jvirt_barray_ptr array = &reader->arrays[reader->num_arrays++];
  *array = (struct jvirt_barray_control){width_blocks, num_rows, 0, NULL};
  return array;
}

static void* grown(void* memory, size_t* capacity, size_t wanted, size_t size_bytes) {
  if (wanted <= *capacity) return memory;
  free(memory);
  *capacity = wanted;
  memory = malloc(wanted * size_bytes);
  if (memory == NULL) stop("no memory for the coefficients");
  return memory;
}

static void on_realize(j_common_ptr info) {
  turbo* reader = info->client_data;
  size_t blocks = 0, rows = 0;
  for (int i = 0; i < reader->num_arrays; ++i) {
    blocks += (size_t)reader->arrays[i].width_blocks * reader->arrays[i].num_rows;
    rows += reader->arrays[i].num_rows;
  }
  reader->blocks = grown(reader->blocks, &reader->blocks_capacity, blocks, sizeof(JBLOCK));
  reader->rows = grown(reader->rows, &reader->rows_capacity, rows, sizeof(JBLOCKROW));
  JBLOCKROW block = reader->blocks;
  JBLOCKROW* row = reader->rows;
  for (int i = 0; i < reader->num_arrays; ++i) {
    struct jvirt_barray_control* array = &reader->arrays[i];
    array->rows = row;
    for (JDIMENSION y = 0; y < array->num_rows; ++y, block += array->width_blocks) *row++ = block;
  }
}

static JBLOCKARRAY on_access(j_common_ptr info, jvirt_barray_ptr array, JDIMENSION start, JDIMENSION num_rows,
                             boolean writable) {
  (void)info, (void)writable;
  const JDIMENSION end = start + num_rows;
  if (end > array->num_rows) stop("block rows outside the image were asked for");
  if (end > array->zeroed_rows) {
    const size_t missing = (size_t)(end - array->zeroed_rows) * array->width_blocks;
    memset(array->rows[array->zeroed_rows], 0, missing * sizeof(JBLOCK));
    array->zeroed_rows = end;
  }
  return array->rows + start;
}

turbo* turbo_new(int keep_memory) {
  turbo* reader = calloc(1, sizeof *reader);
  if (reader == NULL) stop("no memory");
  reader->keep_memory = keep_memory;
  return reader;
}

void turbo_free(turbo* reader) {
  free(reader->blocks);
  free(reader->rows);
  free(reader);
}

int turbo_begin(turbo* reader, const uint8_t* bytes, size_t size) {
  struct jpeg_decompress_struct* info = &reader->info;
  info->err = jpeg_std_error(&reader->errors);
  jpeg_create_decompress(info);
  info->client_data = reader;
  if (reader->keep_memory) {
    reader->num_arrays = 0;
    info->mem->request_virt_barray = on_request;
    info->mem->realize_virt_arrays = on_realize;
    info->mem->access_virt_barray = on_access;
  }
  jpeg_mem_src(info, bytes, (unsigned long)size);
  jpeg_read_header(info, TRUE);
  reader->found = jpeg_read_coefficients(info);
  return info->num_components;
}

void turbo_end(turbo* reader) { jpeg_destroy_decompress(&reader->info); }

const int16_t* turbo_row(turbo* reader, int component, int y) {
  struct jpeg_decompress_struct* info = &reader->info;
  return info->mem->access_virt_barray((j_common_ptr)info, reader->found[component], (JDIMENSION)y, 1,
                                       FALSE)[0][0];
}

const uint16_t* turbo_quant(const turbo* reader, int component) {
  return reader->info.comp_info[component].quant_table->quantval;
}

long turbo_warnings(const turbo* reader) { return reader->errors.num_warnings; }
