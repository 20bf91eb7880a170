#include "dctdecode/encode.h"

#include "jpeg/writing.h"

namespace dctdecode {

struct Encoder::Memory {
  jpeg::Writer jpeg;
};

Encoder::Encoder() : memory_(std::make_unique<Memory>()) {}
Encoder::~Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;

Outcome Encoder::encode(const Pixels& pixels, const Encoding& encoding, Poll poll, Bytes& jpeg) {
  memory_->jpeg.trim();  // of the last image's JPEG
  return memory_->jpeg.encode(pixels, encoding, poll, jpeg);
}

}  // namespace dctdecode
