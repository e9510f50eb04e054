// A crash that no compiler sees coming.
#pragma once

namespace throng {

inline void Segfault() {
  static int* volatile nowhere = reinterpret_cast<int*>(16);  // null would be UBSan's to report
  *nowhere = 1;
}

}  // namespace throng
