// A fuzz target as an ordinary program: takes each file of a corpus, and then mutations of them,
// the same ones each time.
//   NAME_fuzz ROUNDS FILE_OR_FOLDER...
// The input at hand lies in NAME_fuzz.input should it crash; `NAME_fuzz 0 NAME_fuzz.input` repeats
// it.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace fs = std::filesystem;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);  // NOLINT

namespace {

constexpr int kLongTimes = 100;  // as many rounds when THRONG_LONG=1

std::vector<fs::path> FilesIn(int count, char** paths) {
  std::vector<fs::path> files;
  for (int i = 0; i < count; ++i) {
    if (!fs::is_directory(paths[i])) {
      files.emplace_back(paths[i]);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(paths[i])) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Mutator {
 public:
  explicit Mutator(std::vector<std::string> corpus) : corpus_(std::move(corpus)) {}

  std::string Next() {
    std::string text = corpus_[Below(corpus_.size())];
    for (size_t changes = 1 + Below(4); changes > 0; --changes) Change(&text);
    return text;
  }

 private:
  size_t Below(size_t end) { return end == 0 ? 0 : random_() % end; }

  void Change(std::string* text) {
    const size_t at = Below(text->size() + 1);
    const std::string& other = corpus_[Below(corpus_.size())];
    const size_t from = Below(other.size() + 1);
    switch (Below(6)) {
      case 0:
        if (at < text->size()) (*text)[at] = static_cast<char>((*text)[at] ^ (1 << Below(8)));
        break;
      case 1:
        text->insert(at, 1, static_cast<char>(random_()));
        break;
      case 2:
        text->erase(at, Below(24));
        break;
      case 3:
        text->insert(at, other, from, Below(48));
        break;
      case 4:
        if (at < text->size()) (*text)[at] = "{}[]:,-&*!|>'\"\n\t #%@0a9\xff\x7f"[Below(26)];
        break;
      default:
        text->resize(at);
        text->append(other, from);
    }
  }

  std::mt19937 random_{1};
  std::vector<std::string> corpus_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "Usage: %s ROUNDS FILE_OR_FOLDER...\n", argv[0]);
    return 2;
  }
  std::vector<std::string> corpus;
  for (const fs::path& path : FilesIn(argc - 2, argv + 2)) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "The corpus is empty; name files or folders that hold some.\n");
    return 2;
  }
  const std::string left = fs::path(argv[0]).filename().string() + ".input";
  const int file = open(left.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  const auto take = [&](const std::string& input) {
    if (ftruncate(file, 0) != 0 || pwrite(file, input.data(), input.size(), 0) < 0) {
      std::fprintf(stderr, "%s cannot be written; run this in another folder.\n", left.c_str());
      std::exit(2);
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  };
  for (const std::string& input : corpus) take(input);
  const char* is_long = std::getenv("THRONG_LONG");
  const bool has_time = is_long != nullptr && std::string(is_long) == "1";
  const int64_t rounds = std::atoll(argv[1]) * (has_time ? kLongTimes : 1);
  Mutator mutator(corpus);
  for (int64_t i = 0; i < rounds; ++i) take(mutator.Next());
  std::printf("%zu inputs and %lld mutations.\n", corpus.size(), static_cast<long long>(rounds));
  return 0;
}
