#include "server/control/call_page.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>

#include "tests/plugins/segfault.h"

namespace throng {
namespace {

// A page that this process shares with a child that calls AttachCallPage, as a daemon with its
// worker.
class SharedPage {
 public:
  SharedPage() : fd_(memfd_create("calls", MFD_CLOEXEC)) {
    EXPECT_EQ(ftruncate(fd_, sizeof(CallPage)), 0);
    void* memory = mmap(nullptr, sizeof(CallPage), PROT_READ, MAP_SHARED, fd_, 0);
    EXPECT_NE(memory, MAP_FAILED);
    page_ = static_cast<const CallPage*>(memory);
  }
  SharedPage(const SharedPage&) = delete;
  SharedPage& operator=(const SharedPage&) = delete;
  ~SharedPage() {
    munmap(const_cast<CallPage*>(page_), sizeof(CallPage));
    close(fd_);
  }
  const CallPage& operator*() const { return *page_; }

  // The signal that ends a child that does this, attached to the page; 0: it exits.
  int EndOf(const std::function<void()>& work) const {
    const pid_t child = fork();
    if (child == 0) {
      for (const int number : {SIGSEGV, SIGABRT}) signal(number, SIG_DFL);
      if (!AttachCallPage(fd_).ok()) _exit(1);
      NoteCrashes();
      std::thread(work).join();  // its first calls are noted there
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) != 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

 private:
  int fd_;
  const CallPage* page_ = nullptr;
};

volatile bool goes_deeper = true;

// Deeper than any stack.
int Recurse(int depth) {
  volatile char frame[4096];
  frame[depth % 4096] = 1;
  return goes_deeper ? Recurse(depth + 1) + frame[depth % 4096] : 0;
}

TEST(CallPage, ShowsCallsWhileTheyLast) {
  const int32_t zipf = CallerOf("choice `zipf`");
  EXPECT_EQ(CallerOf("choice `zipf`"), zipf);
  EXPECT_NE(CallerOf("sink `file`"), zipf);
  {
    const CallScope scope(zipf, 4096);
    const auto calls = CallsIn(TheCallPage());
    ASSERT_EQ(calls.size(), 1U);
    EXPECT_EQ(calls[0].component, "choice `zipf`");
    EXPECT_EQ(calls[0].row, 4096);
    EXPECT_GE(calls[0].lasts_ms, 0);
    EXPECT_LT(calls[0].lasts_ms, 10'000);
  }
  EXPECT_TRUE(CallsIn(TheCallPage()).empty());
  EXPECT_EQ(CulpritIn(TheCallPage()).component, "");
}

TEST(CallPage, HasASlotForEachThreadAndTakesItBack) {
  const int32_t zipf = CallerOf("choice `zipf`");
  for (int i = 0; i < 2 * CallPage::kSlots; ++i) {
    std::thread([&] {
      const CallScope scope(zipf, i);
      EXPECT_EQ(CallsIn(TheCallPage()).size(), 1U);
    }).join();
  }
  EXPECT_TRUE(CallsIn(TheCallPage()).empty());
}

TEST(CallPage, OfTheLongestCallIsTheCulpritIfNoThreadCrashed) {
  CallPage page{};
  std::copy_n("format `csv`", 12, page.names[0]);
  page.names_count = 1;
  for (const int slot : {3, 7}) {
    page.slots[slot].is_taken = 1;
    page.slots[slot].caller = 1;
    page.slots[slot].row = slot;
    page.slots[slot].since_ms = slot == 7 ? 1 : 1000;
  }
  const auto calls = CallsIn(page);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].row, 7);
  EXPECT_EQ(calls[1].row, 3);
  EXPECT_EQ(CulpritIn(page).row, 7);
  page.crashed_slot = 1 + 3;
  EXPECT_EQ(CulpritIn(page).row, 3);
  EXPECT_EQ(CulpritIn(page).component, "format `csv`");
  page.crashed_slot = 1 + 5;  // of a thread that was in no call
  EXPECT_EQ(CulpritIn(page).component, "");
}

TEST(CallPage, OfGarbageIsReadWithoutHarm) {
  CallPage page{};
  page.names_count = 1'000'000;
  page.crashed_slot = -5;
  std::fill_n(page.names[0], CallPage::kNameBytes, 'x');
  page.slots[0].is_taken = 1;
  page.slots[0].caller = 70'000;
  page.slots[1].is_taken = 1;
  page.slots[1].caller = 1;
  ASSERT_EQ(CallsIn(page).size(), 1U);
  EXPECT_EQ(CallsIn(page)[0].component, std::string(CallPage::kNameBytes, 'x'));
}

TEST(CallPage, TellsWhoCrashedAfterTheProcessIsGone) {
  const SharedPage page;
  const int signal = page.EndOf([] {
    std::thread other([] {
      const CallScope scope(CallerOf("sink `file`"), 1);
      pause();
    });
    const CallScope scope(CallerOf("choice `zipf`"), 8192);
    Segfault();
  });
  EXPECT_EQ(signal, SIGSEGV);
  EXPECT_EQ(CulpritIn(*page).component, "choice `zipf`");
  EXPECT_EQ(CulpritIn(*page).row, 8192);
}

TEST(CallPage, TellsWhoFilledTheStack) {
  const SharedPage page;
  const int signal = page.EndOf([] {
    std::thread([] {
      const CallScope scope(CallerOf("choice `zipf`"), 5);
      std::exit(Recurse(0));
    }).join();
  });
  EXPECT_TRUE(signal == SIGSEGV || signal == SIGABRT);
  EXPECT_GT((*page).crashed_slot, 0);
  EXPECT_EQ(CulpritIn(*page).row, 5);
}

TEST(CallPage, TellsWhoWasInACallWhenItWasAbortedFromOutside) {
  const SharedPage page;
  const int signal = page.EndOf([] {
    const CallScope idle(CallerOf("rating `calibrated`"), 2);
    if (fork() == 0) {
      kill(getppid(), SIGABRT);
      _exit(0);
    }
    while (true) pause();
  });
  EXPECT_EQ(signal, SIGABRT);
  EXPECT_EQ((*page).crashed_slot, 0);
  EXPECT_EQ(CulpritIn(*page).row, 2);
}

TEST(CallPage, TellsWhoExited) {
  const SharedPage page;
  const int signal = page.EndOf([] {
    const CallScope scope(CallerOf("sink `file`"), 77);
    _exit(0);
  });
  EXPECT_EQ(signal, 0);
  EXPECT_EQ(CulpritIn(*page).component, "sink `file`");
  EXPECT_EQ(CulpritIn(*page).row, 77);
}

TEST(CallPage, IsRefusedIfItIsTooSmall) {
  const int fd = memfd_create("calls", MFD_CLOEXEC);
  EXPECT_FALSE(AttachCallPage(fd).ok());
  close(fd);
}

TEST(CallPage, CutsLongNames) {
  const SharedPage page;
  page.EndOf([] {
    const CallScope scope(CallerOf("plugin " + std::string(200, 'x') + ".so"), -1);
    _exit(0);
  });
  EXPECT_EQ(CulpritIn(*page).component, "plugin " + std::string(CallPage::kNameBytes - 8, 'x'));
}

}  // namespace
}  // namespace throng
