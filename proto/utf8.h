// UTF-8 (RFC 3629), which every text of a message is.
#pragma once

#include <cstddef>
#include <string_view>

namespace throng {

// Bytes of the well-formed character that `text` begins with; 0: none does, or it is empty.
size_t Utf8CharacterBytes(std::string_view text);

// The offset of the first byte that is not UTF-8 or is NUL; npos when all is well.
size_t FindInvalidUtf8(std::string_view text);

}  // namespace throng
