// The source `file`: what the sink of that name wrote, and files of anybody else.
//
// A path may be a pattern; its files are pieces in natural order, so that parts and slices come in
// the order in which they were written. Of what lies beside data files (manifests, positions, data
// that are unfinished) a pattern matches only what it names to its end.
#include "plugins/sinks/file/source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "plugins/sinks/file/path_pattern.h"
#include "plugins/sinks/file/posix_file.h"
#include "plugins/sinks/file/state.h"

namespace throng::plugins {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;
constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr std::string_view kPartSuffix = ".part";
constexpr std::string_view kPositionSuffix = ".position";
constexpr std::string_view kManifestSuffix = ".manifest.json";
constexpr std::string_view kBesides[] = {kPartSuffix, kPositionSuffix, kManifestSuffix,
                                         ".lock",     ".position.new", ".manifest.json.new"};

[[noreturn]] void ThrowUnreadable(int error, const std::string& path) {
  const std::string reason = " (" + std::generic_category().message(error) + ")";
  if (error == ENOENT || error == ENOTDIR) {
    throw Error(THRONG_NOT_FOUND, "There is no file " + path + ".", "path");
  }
  if (error == EACCES || error == EPERM) {
    throw Error(THRONG_PERMISSION_DENIED,
                path + " may not be read" + reason + "; make it readable for this user.", "path");
  }
  if (error == EIO) {
    throw Error(THRONG_DATA_LOSS, "The disk that holds " + path + " failed" + reason + ".", "path");
  }
  throw Error(THRONG_FAILED_PRECONDITION, path + " cannot be read" + reason + ".", "path");
}

struct stat StatusOf(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) ThrowUnreadable(errno, path);
  return status;
}

class Source {
 public:
  struct Options {
    std::string path;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {Option<&Options::path>(
                "path",
                "The file to read, or a pattern of files: {part} and {slice} in it stand for those "
                "of an output, * for any text and ? for one character.")
                .Required()
                .Identity()
                .Path()};
  }

  Source(const Options& options, const Host& host) : path_(options.path), host_(host) {}

  SourcePlace Open(const throng_start& start);
  void Read(int64_t wait_ms, throng_input& input);
  void Kept(const KeptVisitor& visit) const;

 private:
  std::vector<std::string> Files() const;
  [[noreturn]] void ThrowNothingThere() const;
  // Opens the piece `next_`, unless it is open.
  void OpenPiece();
  // Waits for bytes of the open piece; false: none came.
  bool Await(int64_t wait_ms);

  const std::string path_;
  const Host host_;
  std::vector<std::string> pieces_;
  std::vector<int64_t> positions_;  // where each begins
  bool follows_ = false;
  size_t piece_ = 0;  // the one at hand
  Fd file_;           // of it, if it is open
  bool is_regular_ = false;
  int64_t offset_ = 0;
  int64_t end_ = 0;  // of a regular file that is not followed: where it was at open
  std::unique_ptr<char[]> buffer_;
};

std::vector<std::string> Source::Files() const {
  struct stat status {};
  if (!IsPattern(path_) || stat(path_.c_str(), &status) == 0) return {path_};
  std::vector<std::string> files;
  for (MatchedPath& match : PathsOf(path_)) {
    const bool is_beside =
        std::any_of(std::begin(kBesides), std::end(kBesides), [&](std::string_view suffix) {
          return match.path.ends_with(suffix) && !path_.ends_with(suffix);
        });
    const bool is_file = stat(match.path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
    if (!is_beside && is_file) files.push_back(std::move(match.path));
  }
  return files;
}

void Source::ThrowNothingThere() const {
  const auto unfinished = PathsOf(path_, kPartSuffix);
  const std::string what = IsPattern(path_) ? "No file matches " : "There is no file ";
  if (unfinished.empty()) {
    throw Error(THRONG_NOT_FOUND, what + path_ + "; give the path of a file or a pattern of paths.",
                "path");
  }
  throw Error(THRONG_NOT_FOUND,
              what + path_ + ", but the unfinished " + unfinished.front().path +
                  std::string(kPartSuffix) + "; name that to read what there is of it.",
              "path");
}

SourcePlace Source::Open(const throng_start& start) {
  pieces_ = Files();
  SourcePlace place{.pieces = pieces_, .size = 0};
  struct stat status {};
  const bool is_there = !pieces_.empty() && stat(pieces_.front().c_str(), &status) == 0;
  if (!is_there && (pieces_.empty() || errno == ENOENT || errno == ENOTDIR)) ThrowNothingThere();
  positions_.assign(pieces_.size(), 0);
  for (size_t i = 0; i < pieces_.size(); ++i) {
    status = StatusOf(pieces_[i]);
    if (S_ISDIR(status.st_mode)) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  pieces_[i] + " is a folder; give a file in it, or a pattern such as " +
                      pieces_[i] + (pieces_[i].ends_with('/') ? "*.csv." : "/*.csv."),
                  "path");
    }
    const bool is_regular = S_ISREG(status.st_mode);
    if (start.from == THRONG_FROM_END && is_regular) positions_[i] = status.st_size;
    if (start.from == THRONG_FROM_POSITIONS && i < start.positions_count) {
      positions_[i] = start.positions[i];
    }
    if (!is_regular) place.size = -1;
    if (place.size >= 0) place.size += std::max<int64_t>(0, status.st_size - positions_[i]);
  }
  follows_ = start.follows != 0;
  piece_ = 0;
  file_ = Fd();
  return place;
}

void Source::OpenPiece() {
  if (file_) return;
  const std::string& path = pieces_[piece_];
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) ThrowUnreadable(errno, path);
  is_regular_ = S_ISREG(status.st_mode);
  offset_ = positions_[piece_];
  end_ = std::max<int64_t>(offset_, status.st_size);
  if (is_regular_) {
    (void)posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    if (lseek(file.get(), offset_, SEEK_SET) < 0) ThrowUnreadable(errno, path);
  } else if (offset_ != 0) {
    throw Error(THRONG_FAILED_PRECONDITION,
                path + " is no ordinary file, so it can only be read from its start.", "path");
  }
  if (buffer_ == nullptr) buffer_.reset(new char[kReadBytes]);
  file_ = std::move(file);
}

bool Source::Await(int64_t wait_ms) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  while (true) {
    if (host_.IsCancelled()) throw Error(THRONG_CANCELLED, "Stopped while reading.");
    struct stat status {};
    if (is_regular_) {
      if (fstat(file_.get(), &status) == 0 && status.st_size > offset_) return true;
    } else {
      pollfd readable = {.fd = file_.get(), .events = POLLIN, .revents = 0};
      if (poll(&readable, 1, 0) != 0) return true;  // also its end
    }
    if (std::chrono::steady_clock::now() >= give_up) return false;
    std::this_thread::sleep_for(kPoll);
  }
}

void Source::Read(int64_t wait_ms, throng_input& input) {
  if (piece_ >= pieces_.size()) {
    input.is_end = 1;
    return;
  }
  OpenPiece();
  const bool is_last = piece_ + 1 == pieces_.size();
  const bool goes_on = is_regular_ && follows_ && is_last;
  input.piece = static_cast<uint32_t>(piece_);
  input.offset = offset_;
  if ((goes_on || !is_regular_) && !Await(wait_ms)) return;
  size_t wanted = kReadBytes;
  if (is_regular_ && !goes_on) {
    wanted = static_cast<size_t>(std::min<int64_t>(kReadBytes, end_ - offset_));
  }
  ssize_t size = 0;
  do {
    size = wanted == 0 ? 0 : read(file_.get(), buffer_.get(), wanted);
  } while (size < 0 && errno == EINTR);
  if (size < 0) ThrowUnreadable(errno, pieces_[piece_]);
  offset_ += size;
  input.bytes = {buffer_.get(), static_cast<size_t>(size)};
  if (goes_on || (size > 0 && !(is_regular_ && offset_ == end_))) return;
  input.ends_piece = 1;
  input.is_end = is_last ? 1 : 0;
  file_ = Fd();
  ++piece_;
}

// "2-of-4" as a slice.
void ReadSlice(std::string_view text, throng_kept* kept) {
  const size_t of = text.find("-of-");
  if (of == std::string_view::npos) return;
  const char* end = text.data() + text.size();
  (void)std::from_chars(text.data(), text.data() + of, kept->slice_index);
  (void)std::from_chars(text.data() + of + 4, end, kept->slice_count);
}

void Source::Kept(const KeptVisitor& visit) const {
  const auto hand_over = [&](const FileState& state, const Origin& origin, int64_t part,
                             bool is_complete) {
    throng_kept kept{};
    kept.slice_mode = origin.is_interleaved ? THRONG_SLICE_INTERLEAVED : THRONG_SLICE_CONTIGUOUS;
    kept.run_uid = origin.run_uid.c_str();
    kept.output = origin.output.c_str();
    kept.slice_count = 1;
    ReadSlice(origin.slice, &kept);
    kept.part = part >= 0 ? part : origin.part;
    kept.position = state.position.value_or(0);
    kept.is_complete = is_complete ? 1 : 0;
    kept.host_state = Bytes(state.host_state);
    visit(kept);
  };
  std::vector<MatchedPath> places = PathsOf(path_, kManifestSuffix);
  for (MatchedPath& place : PathsOf(path_, kPositionSuffix)) {
    const bool is_known = std::any_of(places.begin(), places.end(), [&](const MatchedPath& known) {
      return known.path == place.path;
    });
    if (!is_known) places.push_back(std::move(place));
  }
  std::sort(places.begin(), places.end(), [](const MatchedPath& a, const MatchedPath& b) {
    return IsNaturallyLess(a.path, b.path);
  });
  for (const MatchedPath& place : places) {
    Origin origin;
    const auto manifest = ReadFile(place.path + std::string(kManifestSuffix));
    auto state = manifest ? ParseManifest(*manifest, &origin) : std::nullopt;
    const auto file = Stat(place.path);
    const bool is_unfinished = Stat(place.path + std::string(kPartSuffix)).has_value();
    if (state && file && file->st_size == state->bytes && !is_unfinished) {
      hand_over(*state, origin, place.part, /*is_complete=*/true);
      continue;
    }
    origin = {};
    const auto position = ReadFile(place.path + std::string(kPositionSuffix));
    state = position ? ParsePosition(*position, &origin) : std::nullopt;
    if (state) hand_over(*state, origin, place.part, /*is_complete=*/false);
  }
}

}  // namespace

throng_component FileSource() {
  return throng::Source<Source>("file", "Bytes of a file, or of many, one after another.");
}

}  // namespace throng::plugins
