#include "turbo.h"

#include <stdio.h>
#include <stdlib.h>
/* jpeglib.h needs size_t and FILE. */
#include <jpeglib.h>

/* jpeg_mem_dest replaces a buffer that is too small, and reports the size of the JPEG, not of the buffer. */
static void point_dest(j_compress_ptr out, turbo_jpeg* jpeg) {
  jpeg->size = jpeg->capacity;
  jpeg_mem_dest(out, &jpeg->bytes, &jpeg->size);
}

static void end_dest(turbo_jpeg* jpeg, const unsigned char* before) {
  if (jpeg->bytes == before) return;
  free((void*)before);
  jpeg->capacity = jpeg->size;
}

void turbo_transcode(const uint8_t* bytes, size_t size, turbo_jpeg* jpeg) {
  struct jpeg_decompress_struct in;
  struct jpeg_compress_struct out;
  struct jpeg_error_mgr errors;
  unsigned char* const before = jpeg->bytes;
  in.err = out.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&in);
  jpeg_create_compress(&out);
  jpeg_mem_src(&in, bytes, (unsigned long)size);
  jpeg_read_header(&in, TRUE);
  jvirt_barray_ptr* arrays = jpeg_read_coefficients(&in);
  jpeg_copy_critical_parameters(&in, &out);
  out.optimize_coding = TRUE;
  point_dest(&out, jpeg);
  jpeg_write_coefficients(&out, arrays);
  jpeg_finish_compress(&out);
  jpeg_finish_decompress(&in);
  jpeg_destroy_compress(&out);
  jpeg_destroy_decompress(&in);
  end_dest(jpeg, before);
}

uint8_t* turbo_pixels(const uint8_t* bytes, size_t size, int* height, int* width, int* channels) {
  struct jpeg_decompress_struct in;
  struct jpeg_error_mgr errors;
  in.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&in);
  jpeg_mem_src(&in, bytes, (unsigned long)size);
  jpeg_read_header(&in, TRUE);
  if (in.num_components == 3) in.out_color_space = JCS_RGB;
  jpeg_start_decompress(&in);
  *height = (int)in.output_height;
  *width = (int)in.output_width;
  *channels = in.output_components;
  const size_t stride = (size_t)in.output_width * (size_t)in.output_components;
  uint8_t* pixels = malloc(stride * in.output_height);
  if (pixels == NULL) exit(EXIT_FAILURE);
  while (in.output_scanline < in.output_height) {
    JSAMPROW row = pixels + stride * in.output_scanline;
    jpeg_read_scanlines(&in, &row, 1);
  }
  jpeg_finish_decompress(&in);
  jpeg_destroy_decompress(&in);
  return pixels;
}

void turbo_encode(const uint8_t* pixels, int height, int width, int channels, int quality, int v, int h,
                  int accurate, turbo_jpeg* jpeg) {
  struct jpeg_compress_struct out;
  struct jpeg_error_mgr errors;
  unsigned char* const before = jpeg->bytes;
  out.err = jpeg_std_error(&errors);
  jpeg_create_compress(&out);
  out.image_height = (JDIMENSION)height;
  out.image_width = (JDIMENSION)width;
  out.input_components = channels;
  out.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&out);
  jpeg_set_quality(&out, quality, TRUE);
  out.dct_method = accurate ? JDCT_ISLOW : JDCT_IFAST;
  out.comp_info[0].v_samp_factor = channels == 1 ? 1 : v;
  out.comp_info[0].h_samp_factor = channels == 1 ? 1 : h;
  point_dest(&out, jpeg);
  jpeg_start_compress(&out, TRUE);
  enum { ROWS = 32 };
  JSAMPROW rows[ROWS];
  while (out.next_scanline < out.image_height) {
    JDIMENSION count = 0;
    for (; count < ROWS && out.next_scanline + count < out.image_height; ++count) {
      rows[count] = (JSAMPROW)(uintptr_t)(pixels + (size_t)(out.next_scanline + count) * (size_t)width *
                                                       (size_t)channels);
    }
    jpeg_write_scanlines(&out, rows, count);
  }
  jpeg_finish_compress(&out);
  jpeg_destroy_compress(&out);
  end_dest(jpeg, before);
}
