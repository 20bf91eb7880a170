/* Writes JPEGs that hold only some channels: the coefficients of all other frequencies are zero, the Huffman
 * tables optimised, the process baseline. What remains is exactly what the original stores.
 *
 *   reading_prepare CHANNEL... < LIST
 *
 * CHANNEL is a flat index 64 * component + 8 * v + u; LIST has pairs of lines, a file to read and one to
 * write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* jpeglib.h needs size_t and FILE. */
#include <jpeglib.h>

enum { COMPONENTS = 4, PATH_BYTES = 4096 };

static unsigned char keep[COMPONENTS][DCTSIZE2];

static void zero_unwanted(struct jpeg_decompress_struct* in, jvirt_barray_ptr* arrays) {
  for (int c = 0; c < in->num_components; ++c) {
    for (JDIMENSION y = 0; y < in->comp_info[c].height_in_blocks; ++y) {
      JBLOCKROW row = in->mem->access_virt_barray((j_common_ptr)in, arrays[c], y, 1, TRUE)[0];
      for (JDIMENSION x = 0; x < in->comp_info[c].width_in_blocks; ++x) {
        for (int k = 0; k < DCTSIZE2; ++k) {
          if (!keep[c][k]) row[x][k] = 0;
        }
      }
    }
  }
}

static void prepare(FILE* from, FILE* to) {
  struct jpeg_decompress_struct in;
  struct jpeg_compress_struct out;
  struct jpeg_error_mgr errors;
  in.err = out.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&in);
  jpeg_create_compress(&out);
  jpeg_stdio_src(&in, from);
  jpeg_read_header(&in, TRUE);
  jvirt_barray_ptr* arrays = jpeg_read_coefficients(&in);
  zero_unwanted(&in, arrays);
  jpeg_copy_critical_parameters(&in, &out);
  out.optimize_coding = TRUE;
  jpeg_stdio_dest(&out, to);
  jpeg_write_coefficients(&out, arrays);
  jpeg_finish_compress(&out);
  jpeg_finish_decompress(&in);
  jpeg_destroy_compress(&out);
  jpeg_destroy_decompress(&in);
}

static FILE* opened(const char* path, const char* mode) {
  FILE* file = fopen(path, mode);
  if (file == NULL) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  return file;
}

static int read_line(char* line) {
  if (fgets(line, PATH_BYTES, stdin) == NULL) return 0;
  line[strcspn(line, "\n")] = '\0';
  return 1;
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const int flat = atoi(argv[i]);
    if (flat < 0 || flat >= COMPONENTS * DCTSIZE2) return EXIT_FAILURE;
    keep[flat / DCTSIZE2][flat % DCTSIZE2] = 1;
  }
  char from[PATH_BYTES], to[PATH_BYTES];
  while (read_line(from) && read_line(to)) {
    FILE* in = opened(from, "rb");
    FILE* out = opened(to, "wb");
    prepare(in, out);
    fclose(in);
    if (fclose(out) != 0) {
      perror(to);
      return EXIT_FAILURE;
    }
  }
  return EXIT_SUCCESS;
}
