#include "server/conformance/elf_symbols.h"

#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>

namespace throng {
namespace {

// The n-th `T` of a table at `offset`, if the file holds it.
template <class T>
std::optional<T> At(std::string_view file, uint64_t offset, uint64_t n = 0) {
  if (offset > file.size() || n > file.size() / sizeof(T)) return std::nullopt;
  const uint64_t begin = offset + n * sizeof(T);
  if (begin > file.size() || file.size() - begin < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + begin, sizeof value);
  return value;
}

ElfSymbol Read(const Elf64_Sym& symbol, std::string_view name) {
  const unsigned char bind = ELF64_ST_BIND(symbol.st_info);
  const unsigned char visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  return {.name = std::string(name),
          .is_defined = symbol.st_shndx != SHN_UNDEF,
          .is_weak = bind == STB_WEAK,
          .is_unique = bind == STB_GNU_UNIQUE,
          .is_visible = visibility == STV_DEFAULT || visibility == STV_PROTECTED};
}

}  // namespace

absl::StatusOr<std::vector<ElfSymbol>> ReadDynamicSymbols(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return absl::NotFoundError(fmt::format("{} cannot be read.", path));
  const std::string file{std::istreambuf_iterator<char>(stream), {}};
  const auto invalid = [&](std::string_view why) {
    return absl::InvalidArgumentError(fmt::format("{} {}.", path, why));
  };
  const auto header = At<Elf64_Ehdr>(file, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
    return invalid("is not a 64-bit little-endian ELF file");
  }
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    const auto section = At<Elf64_Shdr>(file, header->e_shoff, i);
    if (!section) return invalid("is cut off");
    if (section->sh_type != SHT_DYNSYM) continue;
    const auto strings = At<Elf64_Shdr>(file, header->e_shoff, section->sh_link);
    if (!strings || strings->sh_offset > file.size()) return invalid("is cut off");
    std::vector<ElfSymbol> symbols;
    for (uint64_t n = 0; n < section->sh_size / sizeof(Elf64_Sym); ++n) {
      const auto symbol = At<Elf64_Sym>(file, section->sh_offset, n);
      if (!symbol || symbol->st_name > file.size() - strings->sh_offset) {
        return invalid("is cut off");
      }
      if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL) continue;
      symbols.push_back(Read(*symbol, file.c_str() + strings->sh_offset + symbol->st_name));
    }
    return symbols;
  }
  return invalid("has no dynamic symbols");
}

}  // namespace throng
