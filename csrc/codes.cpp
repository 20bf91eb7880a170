#include "codes.h"

#include "entropy/symbols.h"

namespace dctdecode {

void keep_and_find_codes(const Header& header, const Kept& kept,
                         const std::array<jpeg::Blocks, kMaxComponents>& blocks, jpeg::Huffman& huffman) {
  std::array<entropy::SymbolCounts, 2> counts{};
  for (int c = 0; c < header.num_components; ++c) {
    const Component& component = header.components[c];
    entropy::SymbolCounts& of_table = counts[jpeg::huffman_table_of(header.color_space, c)];
    for (int i = 0; i < component.height_blocks; ++i) {
      entropy::keep_and_count(blocks[c].data + i * blocks[c].stride_blocks * kBlockSize,
                              static_cast<std::size_t>(component.width_blocks), kept[c], of_table);
    }
    entropy::count_dc(header, c, blocks[c].data, blocks[c].stride_blocks, of_table);
  }
  for (int i = 0; i < 2; ++i) {
    huffman.dc[i] = entropy::best_codes(counts[i].dc.data(), 12);
    huffman.ac[i] = entropy::best_codes(counts[i].ac.data(), 256);
  }
}

}  // namespace dctdecode
