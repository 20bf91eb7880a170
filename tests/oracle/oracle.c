/* What libjpeg-turbo itself makes of a file: the oracle of the coefficient tests.
 *
 *   oracle < file.jpg > answer
 *
 * One line of text, then binary, all int32 and int16 in the machine's byte order:
 *   "error MESSAGE\n"                                             libjpeg gave up
 *   "ok COMPONENTS HEIGHT WIDTH WARNINGS INCOMPLETE\n"            else, then for each component
 *       int32 Hb, Wb, quantval[64] (zeros: no table was latched)   and
 *       int16 [Hb][Wb][64], natural order, without the padding to whole MCUs.
 * WARNINGS are those that lose data; INCOMPLETE counts what libjpeg never reports: components without a scan
 * and coefficients whose progression stops early. Shares no line with the library under test.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>
#include <setjmp.h>

static jmp_buf escape;
static char message[JMSG_LENGTH_MAX];

static void on_error(j_common_ptr cinfo) {
  cinfo->err->format_message(cinfo, message);
  longjmp(escape, 1);
}

static void on_message(j_common_ptr cinfo, int level) {
  const int code = cinfo->err->msg_code;
  if (level >= 0 || code == JWRN_ADOBE_XFORM || code == JWRN_JFIF_MAJOR || code == JWRN_BOGUS_ICC) return;
  cinfo->err->num_warnings++;
}

static unsigned char* read_all(FILE* file, unsigned long* size) {
  unsigned char* bytes = NULL;
  unsigned long room = 0;
  *size = 0;
  do {
    room = room == 0 ? 1 << 20 : 2 * room;
    bytes = realloc(bytes, room);
    if (bytes == NULL) exit(3);
    *size += fread(bytes + *size, 1, room - *size, file);
  } while (*size == room);
  return bytes;
}

static int count_incomplete(const struct jpeg_decompress_struct* cinfo) {
  int count = 0;
  for (int c = 0; c < cinfo->num_components; ++c) {
    count += cinfo->comp_info[c].quant_table == NULL;
    for (int k = 0; cinfo->coef_bits != NULL && k < DCTSIZE2; ++k) count += cinfo->coef_bits[c][k] != 0;
  }
  return count;
}

static void put_component(j_decompress_ptr cinfo, const jpeg_component_info* component,
                          jvirt_barray_ptr array) {
  int32_t head[2 + DCTSIZE2] = {(int32_t)component->height_in_blocks, (int32_t)component->width_in_blocks};
  const JQUANT_TBL* table = component->quant_table;
  for (int k = 0; k < DCTSIZE2; ++k) head[2 + k] = table != NULL ? table->quantval[k] : 0;
  fwrite(head, sizeof head, 1, stdout);
  for (JDIMENSION y = 0; y < component->height_in_blocks; ++y) {
    JBLOCKARRAY row = cinfo->mem->access_virt_barray((j_common_ptr)cinfo, array, y, 1, FALSE);
    fwrite(row[0], sizeof(JBLOCK), component->width_in_blocks, stdout);
  }
}

static void answer(const unsigned char* bytes, unsigned long size) {
  struct jpeg_decompress_struct cinfo;
  struct jpeg_error_mgr errors;
  cinfo.err = jpeg_std_error(&errors);
  errors.error_exit = on_error;
  errors.emit_message = on_message;
  if (setjmp(escape) != 0) {
    printf("error %s\n", message);
    return;
  }
  jpeg_create_decompress(&cinfo);
  jpeg_mem_src(&cinfo, bytes, size);
  jpeg_read_header(&cinfo, TRUE);
  jvirt_barray_ptr* arrays = jpeg_read_coefficients(&cinfo);
  printf("ok %d %u %u %ld %d\n", cinfo.num_components, cinfo.image_height, cinfo.image_width,
         errors.num_warnings, count_incomplete(&cinfo));
  for (int c = 0; c < cinfo.num_components; ++c) put_component(&cinfo, &cinfo.comp_info[c], arrays[c]);
}

int main(void) {
  unsigned long size;
  const unsigned char* bytes = read_all(stdin, &size);
  answer(bytes, size);
  return 0; /* the end of the program frees everything, also after an error */
}
