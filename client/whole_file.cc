#include "client/whole_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace throng {

bool WriteWholeFile(const std::string& path, std::string_view bytes) {
  const std::string unfinished = fmt::format("{}.{}.part", path, getpid());
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  if (file.good() && std::rename(unfinished.c_str(), path.c_str()) == 0) return true;
  std::remove(unfinished.c_str());
  return false;
}

}  // namespace throng
