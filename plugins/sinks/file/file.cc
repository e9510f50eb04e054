// The sink `file`: exactly one complete file, whatever happens while it is written.
//
// Unfinished data is in PATH.part. A commit syncs it and then replaces PATH.position, which says
// how much of it counts, its SHA-256, and the row to go on with; what is beyond that is cut off
// when the file is opened again. At the end PATH.manifest.json is written, PATH.part becomes PATH,
// and PATH.position goes. PATH.lock keeps other processes out for as long as all this lasts.
//
// Who goes on writes at once: PATH.position holds the SHA-256 half-way too, and that what was
// committed is still there is checked meanwhile, before PATH is.
//
// Who asks for more rows than PATH has takes it up again: PATH.position is written, with what stays
// of PATH, then PATH becomes PATH.part, and then what does not stay is cut off and the manifest
// goes.
//
// After a crash the files tell how far it came:
//   PATH.position, nothing committed   start over (it precedes PATH.part, to mark it as ours)
//   PATH.position and PATH.part        go on; also if a manifest is there
//   PATH and its manifest              complete; PATH.position may still have to go
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugins/sinks/digest.h"
#include "plugins/sinks/file/check.h"
#include "plugins/sinks/file/place.h"
#include "plugins/sinks/file/posix_file.h"
#include "plugins/sinks/file/source.h"
#include "plugins/sinks/file/state.h"
#include "throng/sdk.hpp"

namespace throng::plugins {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;
// So little is checked before it is gone on with: that takes no time.
constexpr int64_t kCheckedAtOnce = int64_t{16} << 20;
// The disk is given so much at a time: a commit then waits for the last of it only.
constexpr int64_t kWriteBytes = int64_t{8} << 20;

class FileSink {
 public:
  struct Options {
    std::string path;
    bool overwrite = false;
  };
  static std::vector<OptionOf<Options>> DeclareOptions() {
    return {Option<&Options::path>(
                "path",
                "The file to write; {slice} in it stands for the slice, as 0-of-4, and {part} for "
                "the number of a part, from 0, where the output's roll_rows makes parts.")
                .Required()
                .Identity()
                .Path(),
            Option<&Options::overwrite>(
                "overwrite", "Whether a file that is not this output's may be replaced.")};
  }
  static void Validate(const Options& options) {
    const std::string name = std::filesystem::path(options.path).filename().string();
    if (name.empty() || name == "." || name == "..") {
      throw Error(THRONG_INVALID_ARGUMENT,
                  "\"" + options.path + "\" names no file; give one, as out/interactions.csv.",
                  "path");
    }
  }

  FileSink(const Options& options, const Host& host) : options_(options), host_(host) {}
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink();

  Opened Open(const throng_target& target);
  void Write(const throng_records& records);
  void Commit(int64_t position, std::string_view host_state);
  void Finish(const throng_completion& completion);
  Opened Peek(const throng_target& target) const;
  void Reset(const throng_target& target);
  void Reopen(int64_t position, int64_t bytes, std::string_view host_state);

 private:
  // Takes PATH.lock, and removes what a ReplaceFile that was killed left.
  void TakeLock();
  // Throws, unless overwrite is set; then it warns of what is the matter, without the remedies.
  void Refuse(const Error& refusal) const;
  // Takes up PATH.part as `state` has it, or says why that cannot be.
  std::optional<Error> GoOn(const FileState& state);
  // Begins PATH.part.
  void Start();
  // The digest to go on with; false if it is known already that PATH.part was changed.
  bool TakeUp(const FileState& state);
  MarkedSha256 ReadCommitted(int64_t bytes) const;
  Error WasChanged() const;
  // Throws if PATH.part or PATH.lock is no longer what this instance holds.
  void RequirePlace() const;
  // What remains to be done once PATH is there.
  void CleanUp();
  // Makes what `sha` has seen of `file` the last commit; of PATH if it is complete.
  void TakeBack(Fd file, MarkedSha256 sha, int64_t position, std::string_view host_state);
  // The digest of the first `bytes` bytes of a finished file, all of which are read and compared.
  MarkedSha256 ReadFinished(const Fd& file, const FileState& state, int64_t bytes) const;

  const Options options_;
  const Host host_;
  FilePlace place_;
  std::vector<std::string> created_folders_;
  LockFile lock_;
  bool is_started_ = false;  // PATH.position is ours
  bool is_complete_ = false;
  FileState finished_;  // if it is complete
  Fd part_;
  int64_t bytes_ = 0;       // written to it, and in sha_
  int64_t on_its_way_ = 0;  // of these, what the disk was given
  MarkedSha256 sha_;
  FileState committed_;
  std::optional<CommittedCheck> check_;  // of what was there already; ends before what it reads
};

Opened Report(const FileState& state, bool is_complete) {
  return {.position = state.position, .complete = is_complete, .host_state = state.host_state};
}

FileSink::~FileSink() {
  const bool leaves_nothing = !committed_.position && !is_complete_;
  if (is_started_ && leaves_nothing) {
    unlink(place_.part.c_str());
    unlink(place_.position.c_str());
  }
  lock_.Release();
  if (leaves_nothing) {
    for (auto folder = created_folders_.rbegin(); folder != created_folders_.rend(); ++folder) {
      rmdir(folder->c_str());
    }
  }
}

void FileSink::TakeLock() {
  lock_.Take(place_.lock, place_.path, host_);
  RemoveFile(place_.position + ".new");
  RemoveFile(place_.manifest + ".new");
}

Opened FileSink::Open(const throng_target& target) {
  place_ = PlaceOf(options_.path, target);
  // A finished output needs no lock, and so no folder that may be written.
  if (const Found found = place_.Examine();
      found.is_complete && !Stat(place_.position) && !Stat(place_.lock)) {
    is_complete_ = true;
    finished_ = *found.state;
    return Report(*found.state, true);
  }

  CreateFolders(FolderOf(place_.path), &created_folders_);
  TakeLock();
  const Found found = place_.Examine();
  if (found.is_complete) {
    is_complete_ = true;
    finished_ = *found.state;
    CleanUp();
    return Report(*found.state, true);
  }
  if (found.refusal) Refuse(*found.refusal);
  if (found.state && found.state->position) {
    if (const auto refusal = GoOn(*found.state)) Refuse(*refusal);
  } else if (found.state) {
    RemoveFile(place_.part);
    RemoveFile(place_.position);
  }
  return Report(committed_, false);
}

void FileSink::Refuse(const Error& refusal) const {
  if (!options_.overwrite) throw Error(refusal);
  const std::string sentence = refusal.what();
  host_.Warn(sentence.substr(0, sentence.rfind("; ")) +
             "; what is there is replaced, since overwrite is set.");
}

std::optional<Error> FileSink::GoOn(const FileState& state) {
  check_.reset();  // of an open that failed
  part_ = OpenFile(place_.part, O_RDWR | (state.bytes == 0 ? O_CREAT : 0));
  if (!TakeUp(state)) {
    check_.reset();
    sha_ = MarkedSha256();
    part_ = Fd();
    return WasChanged();
  }
  Truncate(part_, state.bytes, place_.part);
  bytes_ = on_its_way_ = state.bytes;
  committed_ = state;
  is_started_ = true;
  return std::nullopt;
}

bool FileSink::TakeUp(const FileState& state) {
  if (state.marks.empty()) {
    sha_ = ReadCommitted(state.bytes);
    return sha_.Hex() == state.sha256;
  }
  sha_ = MarkedSha256::After(state.marks).value();
  check_.emplace(part_, place_.part, state.marks, host_);
  // What may be overwritten is, if it was changed, but not once there is more of it.
  const bool is_first = options_.overwrite || state.bytes <= kCheckedAtOnce;
  return !is_first || !check_->Await();
}

MarkedSha256 FileSink::ReadCommitted(int64_t bytes) const {
  MarkedSha256 sha;
  std::vector<char> piece(kReadBytes);
  while (sha.bytes() < bytes) {
    if (host_.IsCancelled()) {
      throw Error(THRONG_CANCELLED, "Stopped while " + place_.part + " was read to go on with it.");
    }
    const auto wanted = std::min(static_cast<int64_t>(kReadBytes), bytes - sha.bytes());
    const size_t size =
        ReadAt(part_, piece.data(), static_cast<size_t>(wanted), sha.bytes(), place_.part);
    if (size == 0) break;
    sha.Update({piece.data(), size});
  }
  return sha;
}

Error FileSink::WasChanged() const {
  return {THRONG_FAILED_PRECONDITION,
          place_.part + " was changed: its SHA-256 is not the one that was committed; delete " +
              place_.part + " and " + place_.position + " to start over, or set overwrite: true.",
          "path"};
}

// Not before there is something to write: the host plans after open, and a plan that it refuses
// leaves nothing behind, nor replaces anything.
void FileSink::Start() {
  const FileState nothing{.identity = place_.identity,
                          .position = std::nullopt,
                          .bytes = 0,
                          .sha256 = Sha256().Hex(),
                          .host_state = ""};
  ReplaceFile(place_.position, PositionText(nothing, place_.origin));
  is_started_ = true;
  Fd part = OpenFile(place_.part, O_RDWR | O_CREAT);
  Truncate(part, 0, place_.part);
  part_ = std::move(part);
}

void FileSink::Write(const throng_records& records) {
  if (check_ && check_->FoundChange()) throw WasChanged();
  if (!part_) Start();
  const std::string_view bytes = View(records.bytes);
  WriteAt(part_, bytes, bytes_, place_.part);
  sha_.Update(bytes);
  bytes_ += static_cast<int64_t>(bytes.size());
  if (bytes_ - on_its_way_ >= kWriteBytes) {
    StartWriting(part_, on_its_way_, bytes_ - on_its_way_);
    on_its_way_ = bytes_;
  }
}

void FileSink::RequirePlace() const {
  const bool is_locked = lock_.IsInPlace();
  if (is_locked && Names(place_.part, part_)) return;
  if (!Stat(FolderOf(place_.path))) ThrowErrno(ENOENT, place_.path);
  throw Error(THRONG_FAILED_PRECONDITION,
              (is_locked ? place_.part : place_.lock) +
                  " was deleted or replaced while it was in use; see that nothing else touches it, "
                  "and give the same command again.",
              "path");
}

void FileSink::Commit(int64_t position, std::string_view host_state) {
  if (check_ && check_->FoundChange()) throw WasChanged();
  if (!part_) Start();
  SyncData(part_, place_.part);
  RequirePlace();
  FileState next{.identity = place_.identity,
                 .position = position,
                 .bytes = bytes_,
                 .sha256 = sha_.Hex(),
                 .host_state = std::string(host_state),
                 .marks = sha_.Marks()};
  ReplaceFile(place_.position, PositionText(next, place_.origin));
  committed_ = std::move(next);
}

void FileSink::Finish(const throng_completion& completion) {
  if (!is_complete_) {
    if (!committed_.position || bytes_ != committed_.bytes) {
      throw Error(THRONG_INTERNAL, place_.path + " was to be finished before its last commit.");
    }
    if (check_ && check_->Await()) throw WasChanged();
    const std::string_view epilogue = View(completion.epilogue);
    Truncate(part_, bytes_, place_.part);  // a finish that failed may have written some of it
    WriteAt(part_, epilogue, bytes_, place_.part);
    SyncData(part_, place_.part);
    RequirePlace();

    const Error exists(THRONG_ALREADY_EXISTS,
                       place_.path +
                           " came into being while it was written here; move it away, and the "
                           "same command goes on, or set overwrite: true.",
                       "path");
    if (!options_.overwrite && Stat(place_.path)) throw Error(exists);
    MarkedSha256 sha = sha_;
    sha.Update(epilogue);
    FileState whole = committed_;
    whole.bytes += static_cast<int64_t>(epilogue.size());
    whole.sha256 = sha.Hex();
    // Before PATH, so that whoever sees PATH finds its manifest.
    ReplaceFile(place_.manifest,
                ManifestText(whole, std::filesystem::path(place_.path).filename().string(),
                             completion.manifest));
    if (!Rename(place_.part, place_.path, options_.overwrite)) {
      RemoveFile(place_.manifest);
      throw Error(exists);
    }
    is_complete_ = true;
  }
  if (lock_.is_held()) CleanUp();
}

void FileSink::CleanUp() {
  SyncFolderOf(place_.path);  // PATH must be there to stay before the position goes
  RemoveFile(place_.position);
  SyncFolderOf(place_.path);
  lock_.Release();
}

MarkedSha256 FileSink::ReadFinished(const Fd& file, const FileState& state, int64_t bytes) const {
  MarkedSha256 kept;
  Sha256 whole;
  std::vector<char> piece(kReadBytes);
  while (whole.bytes() < state.bytes) {
    if (host_.IsCancelled()) {
      throw Error(THRONG_CANCELLED, "Stopped while " + place_.path + " was read to go on with it.");
    }
    const int64_t at = whole.bytes();
    const int64_t end = at < bytes ? bytes : state.bytes;
    const auto wanted = static_cast<size_t>(std::min<int64_t>(kReadBytes, end - at));
    const size_t size = ReadAt(file, piece.data(), wanted, at, place_.path);
    if (size == 0) break;
    whole.Update({piece.data(), size});
    if (at < bytes) kept.Update({piece.data(), size});
  }
  if (kept.bytes() == bytes && whole.Hex() == state.sha256) return kept;
  throw Error(THRONG_FAILED_PRECONDITION,
              place_.path +
                  " was changed since it was finished: its SHA-256 is not the one in its manifest; "
                  "delete it to write it again, or choose another path.",
              "path");
}

void FileSink::TakeBack(Fd file, MarkedSha256 sha, int64_t position, std::string_view host_state) {
  FileState next{.identity = place_.identity,
                 .position = position,
                 .bytes = sha.bytes(),
                 .sha256 = sha.Hex(),
                 .host_state = std::string(host_state),
                 .marks = sha.Marks()};
  ReplaceFile(place_.position, PositionText(next, place_.origin));
  if (is_complete_ && !Rename(place_.path, place_.part, /*replace=*/false)) {
    throw Error(THRONG_FAILED_PRECONDITION,
                place_.part + " came into being while " + place_.path +
                    " was to go on; see that nothing else touches it, and give the same command "
                    "again.",
                "path");
  }
  part_ = std::move(file);
  sha_ = std::move(sha);
  bytes_ = on_its_way_ = next.bytes;
  committed_ = std::move(next);
  is_started_ = true;
  is_complete_ = false;
}

void FileSink::Reopen(int64_t position, int64_t bytes, std::string_view host_state) {
  if (is_complete_) {
    TakeLock();
    const auto found = place_.Finished();
    if (!found || found->sha256 != finished_.sha256 || Stat(place_.part)) {
      throw Error(THRONG_FAILED_PRECONDITION,
                  place_.path + " was changed while it was to go on; give the same command again.",
                  "path");
    }
    Fd file = OpenFile(place_.path, O_RDWR);
    if (Stat(place_.path)->st_nlink > 1) {
      throw Error(THRONG_FAILED_PRECONDITION,
                  place_.path +
                      " has more than one name (hard links), and more rows would follow under each "
                      "of them; replace it by a copy of its own, or choose another path.",
                  "path");
    }
    MarkedSha256 sha = ReadFinished(file, finished_, bytes);
    TakeBack(std::move(file), std::move(sha), position, host_state);
  } else if (committed_.position != position || committed_.bytes != bytes) {
    if (check_ && check_->Await()) throw WasChanged();
    check_.reset();
    MarkedSha256 sha = ReadCommitted(bytes);
    TakeBack(std::move(part_), std::move(sha), position, host_state);
  }
  SyncFolderOf(place_.path);  // before bytes go that PATH had
  Truncate(part_, bytes_, place_.part);
  RemoveFile(place_.manifest);
}

Opened FileSink::Peek(const throng_target& target) const {
  const FilePlace place = PlaceOf(options_.path, target);
  Found found = place.Examine();
  if (found.refusal) found = place.Examine();  // it may have met a start or a finish half-way
  if (found.refusal && !options_.overwrite) {
    if (found.other) return Report(*found.other, true);
    throw Error(*found.refusal);
  }
  return Report(found.state.value_or(FileState{}), found.is_complete);
}

void FileSink::Reset(const throng_target& target) {
  place_ = PlaceOf(options_.path, target);
  if (!Stat(FolderOf(place_.path))) return;
  TakeLock();
  const auto position = ReadFile(place_.position);
  const auto state = position ? ParsePosition(*position) : std::nullopt;
  if (state && state->identity == place_.identity) {
    RemoveFile(place_.part);
    RemoveFile(place_.position);
  }
  // PATH first: a manifest alone is in nobody's way.
  if (place_.Finished()) RemoveFile(place_.path);
  if (!Stat(place_.path) && place_.Manifest()) RemoveFile(place_.manifest);
  SyncFolderOf(place_.path);
  lock_.Release();

  std::string kept;
  for (const std::string& path : {place_.path, place_.part, place_.position}) {
    if (Stat(path)) kept += (kept.empty() ? "" : ", ") + path;
  }
  if (kept.empty()) return;
  throw Error(THRONG_FAILED_PRECONDITION,
              "Not removed, since this output did not leave it like that: " + kept +
                  "; delete it yourself, or set overwrite: true.",
              "path");
}

}  // namespace
}  // namespace throng::plugins

THRONG_PLUGIN("file", THRONG_VERSION, "Records as a file.",
              throng::Sink<throng::plugins::FileSink>("file",
                                                      "A file, exactly once, with its manifest."),
              throng::plugins::FileSource())
