// The place of an output of the file sink: which files belong to it, and what they say about it.
#include "plugins/sinks/file/place.h"

#include <limits.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "plugins/sinks/file/posix_file.h"

namespace throng::plugins {
namespace {

constexpr size_t kLongestSuffix = std::string_view(".manifest.json.new").size();

Error Refusal(throng_code code, const std::string& sentence) { return {code, sentence, "path"}; }

}  // namespace

FilePlace PlaceOf(const std::string& path, const throng_target& target) {
  FilePlace place;
  place.identity = target.identity;
  place.origin = {target.run_uid, target.output,
                  std::to_string(target.slice_index) + "-of-" + std::to_string(target.slice_count)};
  place.path = path;
  const std::string name = std::filesystem::path(place.path).filename().string();
  if (name.size() + kLongestSuffix > NAME_MAX) {
    throw Refusal(THRONG_INVALID_ARGUMENT, "The file name " + name + " is too long; use at most " +
                                               std::to_string(NAME_MAX - kLongestSuffix) +
                                               " bytes.");
  }
  place.part = place.path + ".part";
  place.position = place.path + ".position";
  place.lock = place.path + ".lock";
  place.manifest = place.path + ".manifest.json";
  return place;
}

std::optional<FileState> FilePlace::Manifest() const {
  const auto text = ReadFile(manifest);
  auto state = text ? ParseManifest(*text) : std::nullopt;
  if (state && state->identity != identity) return std::nullopt;
  return state;
}

std::optional<FileState> FilePlace::Finished() const {
  auto state = Manifest();
  const auto file = Stat(path);
  if (state && file && file->st_size == state->bytes) return state;
  return std::nullopt;
}

Found FilePlace::Examine() const {
  IsFolder(FolderOf(path));
  const auto file = Stat(path);
  const auto data = Stat(part);
  const auto text = ReadFile(position);
  for (const auto& [name, found] : {std::pair(path, file), std::pair(part, data)}) {
    if (found && !S_ISREG(found->st_mode)) {
      throw Refusal(THRONG_INVALID_ARGUMENT,
                    name + " is there and is not an ordinary file; choose another path.");
    }
  }

  Found found;
  if (!data && (found.state = Finished())) {
    found.is_complete = true;
    return found;
  }
  if (text || data) {
    found.state = text ? ParsePosition(*text) : std::nullopt;
    found.refusal = WhyNotGoOn(found.state, data);
  }
  if (found.refusal) {
    found.state.reset();
  } else if (file && data) {
    found.refusal = Refusal(THRONG_ALREADY_EXISTS, path + " exists beside the unfinished " + part +
                                                       "; delete " + path +
                                                       " or set overwrite: true, and it goes on.");
  } else if (const auto old = Manifest(); file && old) {
    found.refusal =
        Refusal(THRONG_FAILED_PRECONDITION,
                path + " was changed: it had " + std::to_string(old->bytes) +
                    " bytes when it was finished and has " + std::to_string(file->st_size) +
                    "; delete it or set overwrite: true to write it again.");
  } else if (file && !Stat(manifest)) {
    found.refusal =
        Refusal(THRONG_ALREADY_EXISTS,
                path + " exists, and its manifest " + manifest +
                    " is missing, without which nothing says that it is this dataset "
                    "in this form; put the manifest back, choose another path, delete " +
                    path + ", or set overwrite: true.");
  } else if (file) {
    found.refusal = Refusal(THRONG_ALREADY_EXISTS,
                            path +
                                " exists and is not this dataset in this form; choose another "
                                "path, delete it, or set overwrite: true.");
    const auto text_of_other = ReadFile(manifest);
    auto other = text_of_other ? ParseManifest(*text_of_other) : std::nullopt;
    if (!data && other && other->bytes == file->st_size) found.other = std::move(other);
  } else if (const auto foreign = ReadFile(manifest); foreign && !ParseManifest(*foreign)) {
    found.refusal = Refusal(THRONG_ALREADY_EXISTS,
                            manifest +
                                " exists and is not a manifest; choose another path, delete "
                                "it, or set overwrite: true.");
  }
  return found;
}

std::optional<Error> FilePlace::WhyNotGoOn(const std::optional<FileState>& state,
                                           const std::optional<struct stat>& data) const {
  const std::string remedy =
      "; delete " + part + " and " + position + " to start over, or set overwrite: true.";
  if (!state) {
    return Refusal(THRONG_ALREADY_EXISTS,
                   "No valid " + position + " says what the unfinished " + part + " is" + remedy);
  }
  if (state->identity != identity) {
    return Refusal(THRONG_ALREADY_EXISTS,
                   part + " is unfinished and not this dataset in this form; choose another path" +
                       (", or" + remedy.substr(1)));
  }
  if (state->bytes > 0 && !data) {
    return Refusal(THRONG_FAILED_PRECONDITION, part + " is gone, though " +
                                                   std::to_string(state->bytes) +
                                                   " bytes of it were committed" + remedy);
  }
  if (data && data->st_size < state->bytes) {
    return Refusal(THRONG_FAILED_PRECONDITION,
                   part + " was truncated: it has " + std::to_string(data->st_size) + " of the " +
                       std::to_string(state->bytes) + " bytes that were committed" + remedy);
  }
  return std::nullopt;
}

}  // namespace throng::plugins
