// The text of a file, whether it is compressed or not, as it comes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

struct z_stream_s;
struct ZSTD_DCtx_s;

namespace throng::plugins {

// Joins members of gzip and frames of zstd, and lets other text pass. It takes bounded memory, as
// there is no more text at once than there is room for. Behind a member that is damaged it goes on
// with the next that it finds.
class Decompressor {
 public:
  Decompressor() = default;
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  // Begins the file `name`.
  void Begin(std::string name);

  struct Step {
    size_t consumed = 0;
    size_t produced = 0;
    std::string fault = {};  // a sentence: the text breaks off behind what was produced
  };
  // Takes some bytes of the file and writes some text; nothing of either once there is nothing more
  // to do. `ends`: the file ends with these bytes. DATA_LOSS: it is compressed in another way.
  Step Run(std::string_view bytes, char* text, size_t room, bool ends);

  // Whether there may be more text without more bytes.
  bool has_pending() const { return has_pending_; }

 private:
  enum class State { kBetween, kPlain, kGzip, kZstd, kLost };
  static constexpr size_t kMagicBytes = 4;

  // Looks at what stands where a member may begin; false: too little to tell.
  bool Tell(bool ends, Step* step);
  void BeginMember(State codec);
  // Looks for the begin of a member.
  void Search(std::string_view bytes, Step* step);
  void Inflate(std::string_view bytes, char* text, size_t room, Step* step);
  void DecompressFrame(std::string_view bytes, char* text, size_t room, Step* step);
  void Lose(std::string_view what, Step* step);

  std::string name_;
  State state_ = State::kBetween;
  std::string head_;  // bytes that were taken, and are still to be decompressed or let pass
  bool is_first_ = true;
  bool has_pending_ = false;
  char gzip_flags_ = 0;  // of the first member
  int64_t taken_ = 0;    // bytes of the file
  int64_t member_ = 0;   // where it begins
  z_stream_s* zlib_ = nullptr;
  ZSTD_DCtx_s* zstd_ = nullptr;
};

}  // namespace throng::plugins
