/* libjpeg calls this before every row of MCUs, and once behind the last one of each scan: the place for the
 * limits on work and for a request to stop. */
#include "jpeg/private.h"

/* What a visit counts. An arithmetic decoder needs no data for its decisions: behind the end it reads zeros
 * (T.81 D.2.6) and goes on with what is likelier, 30 decisions for a large coefficient, without any end of a
 * block. So such blocks count by what they can cost, not by what they do. */
static uint64_t weight_of_visit(const struct jpeg_decompress_struct* cinfo) {
  const int dc = 8, refinement = 20, sequential = 192; /* in units of 30 ns */
  if (!cinfo->arith_code) return 1;
  if (!cinfo->progressive_mode) return sequential;
  if (cinfo->Ah != 0) return refinement;
  return cinfo->Se == 0 ? dc : sequential;
}

/* A scan of one component has its own rows of blocks, several to a row of MCUs (T.81 A.2.2). A file of many
 * megabytes may take as many times longer: otherwise the weights would refuse large arithmetic-coded photos.
 */
static uint64_t visits_of_row(const struct jpeg_decompress_struct* cinfo, size_t size_bytes) {
  const uint64_t mebibyte = 1 << 20;
  const int rows = cinfo->comps_in_scan == 1 ? cinfo->cur_comp_info[0]->v_samp_factor : 1;
  const uint64_t blocks = (uint64_t)cinfo->MCUs_per_row * (uint64_t)cinfo->blocks_in_MCU * (uint64_t)rows;
  const uint64_t weight = weight_of_visit(cinfo);
  if (size_bytes <= mebibyte || weight == 1) return blocks * weight;
  const uint64_t relieved = blocks * weight * mebibyte / size_bytes;
  return relieved > blocks ? relieved : blocks;
}

static void on_progress(j_common_ptr common) {
  j_decompress_ptr cinfo = (j_decompress_ptr)common;
  dctd_reader* reader = dctd_reader_of(common);
  const dctd_options* options = &reader->options;

  if ((uint32_t)cinfo->input_scan_number > options->max_scans) {
    dctd_fail(reader, DCTD_LIMIT, "more than %u scans (limit max_scans)", (unsigned)options->max_scans);
  }
  if (cinfo->input_iMCU_row < cinfo->total_iMCU_rows) {
    reader->block_visits += visits_of_row(cinfo, reader->size);
  }
  if (reader->block_visits > options->max_block_visits) {
    dctd_fail(reader, DCTD_LIMIT, "more than %llu blocks to visit in all scans (limit max_block_visits)",
              (unsigned long long)options->max_block_visits);
  }
  if (options->should_stop != NULL && options->should_stop(options->context)) {
    dctd_fail(reader, DCTD_CANCELLED, "stopped");
  }
}

void dctd_install_progress(dctd_reader* reader) {
  reader->block_visits = 0;
  reader->progress.progress_monitor = on_progress;
  reader->cinfo.progress = &reader->progress;
}
