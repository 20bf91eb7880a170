/* Writes a JPEG of any kind that libjpeg-turbo can write, out of given coefficients.
 *
 *   generate WIDTH HEIGHT COLOR PROCESS RESTART SCRIPT H,V,Q [H,V,Q ...] < coefficients > file.jpg
 *
 * COLOR    gray, ycbcr, rgb, cmyk, ycck or unknown
 * PROCESS  letters: p progressive, a arithmetic, o optimised Huffman tables; "-" for none
 * RESTART  MCUs between restart markers, 0 for none
 * SCRIPT   scans "COMPONENTS:SS,SE,AH,AL;..." with COMPONENTS as in "012"; "-" for libjpeg's own choice
 * H,V,Q    of each component: sampling factors and the place of its quantisation table
 *
 * stdin: uint16[4][64], the tables in natural order; then for each component int16[Hb][Wb][64], natural
 * order, Hb = ceil(HEIGHT * V / (8 * V max)).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { MAX_SCANS = 1024 };

static unsigned ceil_div(unsigned a, unsigned b) { return (a + b - 1) / b; }

static void get(void* to, size_t size) {
  if (fread(to, 1, size, stdin) != size) {
    fprintf(stderr, "generate: too few coefficients\n");
    exit(2);
  }
}

static J_COLOR_SPACE color_of(const char* name) {
  static const char* const names[] = {"unknown", "gray", "rgb", "ycbcr", "cmyk", "ycck"};
  for (int i = 0; i < 6; ++i) {
    if (strcmp(name, names[i]) == 0) return (J_COLOR_SPACE)i; /* JCS_UNKNOWN = 0, ... JCS_YCCK = 5 */
  }
  fprintf(stderr, "generate: no color %s\n", name);
  exit(2);
}

static int parse_script(char* script, jpeg_scan_info* scans) {
  int count = 0;
  for (char* text = strtok(script, ";"); text != NULL && count < MAX_SCANS; text = strtok(NULL, ";")) {
    jpeg_scan_info* scan = &scans[count++];
    for (; *text != ':'; ++text) scan->component_index[scan->comps_in_scan++] = *text - '0';
    sscanf(text, ":%d,%d,%d,%d", &scan->Ss, &scan->Se, &scan->Ah, &scan->Al);
  }
  return count;
}

static void set_tables(j_compress_ptr cinfo) {
  for (int i = 0; i < NUM_QUANT_TBLS; ++i) {
    if (cinfo->quant_tbl_ptrs[i] == NULL)
      cinfo->quant_tbl_ptrs[i] = jpeg_alloc_quant_table((j_common_ptr)cinfo);
    cinfo->quant_tbl_ptrs[i]->sent_table = FALSE;
    get(cinfo->quant_tbl_ptrs[i]->quantval, sizeof cinfo->quant_tbl_ptrs[i]->quantval);
  }
}

/* Arrays padded to whole MCUs; the padding stays zero, and libjpeg writes blocks of its own in its place. */
static void request_arrays(j_compress_ptr cinfo, jvirt_barray_ptr* arrays) {
  int h_max = 1, v_max = 1;
  for (int c = 0; c < cinfo->num_components; ++c) {
    if (cinfo->comp_info[c].h_samp_factor > h_max) h_max = cinfo->comp_info[c].h_samp_factor;
    if (cinfo->comp_info[c].v_samp_factor > v_max) v_max = cinfo->comp_info[c].v_samp_factor;
  }
  for (int c = 0; c < cinfo->num_components; ++c) {
    const unsigned h = cinfo->comp_info[c].h_samp_factor, v = cinfo->comp_info[c].v_samp_factor;
    arrays[c] = cinfo->mem->request_virt_barray((j_common_ptr)cinfo, JPOOL_IMAGE, TRUE,
                                                ceil_div(cinfo->image_width, 8 * h_max) * h,
                                                ceil_div(cinfo->image_height, 8 * v_max) * v, v);
  }
}

static void fill_arrays(j_compress_ptr cinfo, jvirt_barray_ptr* arrays) {
  for (int c = 0; c < cinfo->num_components; ++c) {
    const jpeg_component_info* component = &cinfo->comp_info[c];
    for (JDIMENSION y = 0; y < component->height_in_blocks; ++y) {
      JBLOCKARRAY row = cinfo->mem->access_virt_barray((j_common_ptr)cinfo, arrays[c], y, 1, TRUE);
      get(row[0], component->width_in_blocks * sizeof(JBLOCK));
    }
  }
}

int main(int argc, char** argv) {
  if (argc < 8 || argc > 11) return 2;
  static jpeg_scan_info scans[MAX_SCANS];
  struct jpeg_compress_struct cinfo;
  struct jpeg_error_mgr errors; /* libjpeg's own: prints and ends the program */
  jvirt_barray_ptr arrays[4];
  cinfo.err = jpeg_std_error(&errors);
  jpeg_create_compress(&cinfo);
  jpeg_stdio_dest(&cinfo, stdout);
  cinfo.image_width = (JDIMENSION)atoi(argv[1]);
  cinfo.image_height = (JDIMENSION)atoi(argv[2]);
  cinfo.input_components = argc - 7;
  cinfo.in_color_space = color_of(argv[3]);
  jpeg_set_defaults(&cinfo);
  jpeg_set_colorspace(&cinfo, cinfo.in_color_space);
  cinfo.arith_code = strchr(argv[4], 'a') != NULL;
  cinfo.optimize_coding = strchr(argv[4], 'o') != NULL;
  cinfo.restart_interval = (unsigned)atoi(argv[5]);
  for (int c = 0; c < cinfo.num_components; ++c) {
    jpeg_component_info* component = &cinfo.comp_info[c];
    sscanf(argv[7 + c], "%d,%d,%d", &component->h_samp_factor, &component->v_samp_factor,
           &component->quant_tbl_no);
  }
  if (strcmp(argv[6], "-") != 0) {
    cinfo.num_scans = parse_script(argv[6], scans);
    cinfo.scan_info = scans;
  } else if (strchr(argv[4], 'p') != NULL) {
    jpeg_simple_progression(&cinfo);
  }
  set_tables(&cinfo);
  request_arrays(&cinfo, arrays);
  jpeg_write_coefficients(&cinfo, arrays);
  fill_arrays(&cinfo, arrays);
  jpeg_finish_compress(&cinfo);
  jpeg_destroy_compress(&cinfo);
  return 0;
}
