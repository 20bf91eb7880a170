#include "dctdecode/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace dctdecode {
namespace {

// Closes on every way out.
class Descriptor {
 public:
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  explicit Descriptor(const char* path) : fd_(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// The caller has errno put into words; strerror is not for threads.
Outcome io_error(int code) { return {Status::io, "", 0, code}; }

Outcome too_large(const Limits& limits) {
  return {Status::limit,
          "the file is larger than " + std::to_string(limits.max_bytes) + " bytes (limit max_bytes)", 0, 0};
}

}  // namespace

Outcome read_file(const char* path, const Limits& limits, Poll poll, std::vector<std::uint8_t>& bytes,
                  std::size_t& size) try {
  constexpr std::size_t kChunk = std::size_t{4} << 20;
  size = 0;
  const Descriptor file(path);
  if (file.get() < 0) return io_error(errno);
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return io_error(errno);
  if (S_ISDIR(info.st_mode)) return io_error(EISDIR);
  if (!S_ISREG(info.st_mode)) return io_error(EINVAL);
  if (static_cast<std::uint64_t>(info.st_size) > limits.max_bytes) return too_large(limits);

  // The file may grow or shrink meanwhile: the size is a guess, the end is where read() says so.
  const std::size_t guess = std::min(static_cast<std::size_t>(info.st_size), bytes.max_size() - 1) + 1;
  if (bytes.size() < guess) bytes.resize(guess);
  for (;;) {
    if (size == bytes.size()) bytes.resize(bytes.size() + std::max(bytes.size(), kChunk));
    const ssize_t count = ::read(file.get(), bytes.data() + size, std::min(bytes.size() - size, kChunk));
    const int code = count < 0 ? errno : 0;
    if (poll.should_stop != nullptr && poll.should_stop(poll.context)) {
      return {Status::cancelled, "stopped", 0, 0};
    }
    if (code == EINTR) continue;
    if (code != 0) return io_error(code);
    if (count == 0) return {};
    size += static_cast<std::size_t>(count);
    if (size > limits.max_bytes) return too_large(limits);
  }
} catch (const std::bad_alloc&) {
  return {Status::out_of_memory, "no memory for the file", 0, 0};
}

}  // namespace dctdecode
