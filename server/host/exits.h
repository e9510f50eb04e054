// The ends of a process that a plugin calls: exit, _exit and _Exit, which a program that links
// throng_exits has instead of the C library's.
#pragma once

namespace throng {

// From now on `is_failure` is asked whenever something ends the process with `code`. True: it ends
// at once and with 1, whatever the code.
void JudgeExits(bool (*is_failure)(int code));

}  // namespace throng
