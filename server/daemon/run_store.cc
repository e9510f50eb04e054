#include "server/daemon/run_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <utility>

#include "server/daemon/descriptor.h"
#include "server/daemon/errors.h"

namespace throng {
namespace {

namespace fs = std::filesystem;

// Each brings the schema from its index to the next version; a released one never changes.
constexpr const char* kMigrations[] = {
    "CREATE TABLE runs ("
    "  sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  uid TEXT NOT NULL UNIQUE,"
    "  name TEXT NOT NULL UNIQUE,"
    "  record BLOB NOT NULL)",
};
constexpr int kVersion = static_cast<int>(std::size(kMigrations));

// Room for the pages that forgetting runs writes: the log of SQLite, which begins anew after so
// many pages of 4 KiB, and some more.
constexpr off_t kReserveBytes = 1 << 20;
constexpr const char* kPragmas[] = {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL",
                                    "PRAGMA wal_autocheckpoint=64"};

// Whether the path still leads to that file.
bool IsStillAt(int fd, const std::string& path) {
  struct stat open {};
  struct stat found {};
  return fstat(fd, &open) == 0 && stat(path.c_str(), &found) == 0 && open.st_dev == found.st_dev &&
         open.st_ino == found.st_ino;
}

// FOLDER/lock, held for as long as this lives; says whose it is.
class FolderLock {
 public:
  static absl::StatusOr<std::unique_ptr<FolderLock>> Take(const std::string& folder) {
    const std::string path = folder + "/lock";
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
      return absl::PermissionDeniedError(
          fmt::format("The state folder {} cannot be used: {}. Name another with --state.", folder,
                      std::strerror(errno)));
    }
    std::unique_ptr<FolderLock> lock(new FolderLock(path, fd));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      char owner[32] = {};
      const ssize_t size = pread(fd, owner, sizeof owner - 1, 0);
      return absl::FailedPreconditionError(fmt::format(
          "The state folder {} is in use by the daemon of process {}. Stop it, or name another "
          "folder with --state.",
          folder, size > 0 ? owner : "unknown"));
    }
    const std::string pid = std::to_string(getpid());
    if (ftruncate(fd, 0) == 0) (void)!pwrite(fd, pid.data(), pid.size(), 0);
    return lock;
  }
  ~FolderLock() { close(fd_); }
  bool IsThere() const { return IsStillAt(fd_, path_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  FolderLock(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  const int fd_;
};

}  // namespace

class RunStore::Database {
 public:
  ~Database() { sqlite3_close(db_); }

  absl::Status Open(const std::string& folder) {
    std::string path = ":memory:";
    if (!folder.empty()) {
      std::error_code error;
      if (fs::create_directories(folder, error)) {
        fs::permissions(folder, fs::perms::owner_all, error);
      }
      auto lock = FolderLock::Take(folder);
      if (!lock.ok()) return lock.status();
      lock_ = *std::move(lock);
      path = folder + "/runs.db";
    }
    path_ = path;
    if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) !=
        SQLITE_OK) {
      return Failure();
    }
    for (const char* pragma : kPragmas) {
      if (absl::Status status = Execute(pragma); !status.ok()) return status;
    }
    if (absl::Status status = Migrate(); !status.ok()) return status;
    if (!folder.empty()) {
      folder_ = folder;
      file_ = Descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
      TakeReserve();
    }
    return absl::OkStatus();
  }

  absl::Status Check() const {
    if (folder_.empty() || (lock_->IsThere() && IsStillAt(file_.get(), path_))) {
      return absl::OkStatus();
    }
    return MakeError(
        absl::StatusCode::kUnavailable, "STATE_LOST",
        fmt::format("The state folder {} was removed or replaced under the daemon, and "
                    "nothing can be stored. Stop the daemon, put the folder back, and "
                    "start it again.",
                    folder_));
  }

  // Space that others cannot take meanwhile; without it a full disk could not be emptied.
  void TakeReserve() {
    if (folder_.empty() || has_reserve_) return;
    const Descriptor file(open(ReservePath().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    has_reserve_ = file.is_open() && posix_fallocate(file.get(), 0, kReserveBytes) == 0;
    if (!has_reserve_) unlink(ReservePath().c_str());
  }
  // False: there is none.
  bool GiveReserve() {
    return std::exchange(has_reserve_, false) && unlink(ReservePath().c_str()) == 0;
  }

  absl::Status Execute(const char* sql) {
    return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK ? absl::OkStatus()
                                                                          : Failure();
  }

  // Prepares, binds texts and a blob in this order, and steps through the rows.
  absl::Status Query(const char* sql, const std::vector<std::string>& texts,
                     const std::string* blob,
                     const std::function<absl::Status(sqlite3_stmt*)>& on_row) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr) != SQLITE_OK) return Failure();
    const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> owner(statement, sqlite3_finalize);
    int index = 0;
    for (const std::string& text : texts) {
      sqlite3_bind_text(statement, ++index, text.data(), static_cast<int>(text.size()), nullptr);
    }
    if (blob != nullptr) {
      sqlite3_bind_blob64(statement, ++index, blob->data(), blob->size(), nullptr);
    }
    while (true) {
      const int result = sqlite3_step(statement);
      if (result == SQLITE_DONE) return absl::OkStatus();
      if (result != SQLITE_ROW) return Failure();
      if (!on_row) continue;
      if (absl::Status status = on_row(statement); !status.ok()) return status;
    }
  }

 private:
  std::string ReservePath() const { return folder_ + "/reserve"; }

  absl::Status Failure() const {
    constexpr std::string_view kReason = "STATE_NOT_STORED";
    const int code = sqlite3_errcode(db_) & 0xff;
    const std::string why = sqlite3_errmsg(db_);
    if (code == SQLITE_FULL) {
      return MakeError(
          absl::StatusCode::kResourceExhausted, kReason,
          fmt::format("The disk of {} is full: nothing was changed. Free some space and try again.",
                      path_));
    }
    if (code == SQLITE_IOERR || code == SQLITE_READONLY || code == SQLITE_CANTOPEN) {
      return MakeError(
          absl::StatusCode::kUnavailable, kReason,
          fmt::format("{} cannot be written: {}. See to the state folder and try again.", path_,
                      why));
    }
    return MakeError(absl::StatusCode::kInternal, kReason, fmt::format("{}: {}.", path_, why));
  }

  absl::Status Migrate() {
    int version = 0;
    absl::Status status = Query("PRAGMA user_version", {}, nullptr, [&](sqlite3_stmt* statement) {
      version = sqlite3_column_int(statement, 0);
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    if (version > kVersion) {
      return absl::FailedPreconditionError(fmt::format(
          "{} was written by a newer daemon (schema {}, this one knows {}). Start that one, or "
          "name another folder with --state.",
          path_, version, kVersion));
    }
    for (; version < kVersion; ++version) {
      const std::string sql = fmt::format("BEGIN IMMEDIATE; {}; PRAGMA user_version={}; COMMIT",
                                          kMigrations[version], version + 1);
      if (status = Execute(sql.c_str()); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  std::string folder_;  // empty: in memory
  std::string path_;
  std::unique_ptr<FolderLock> lock_;
  Descriptor file_;  // the database, as it was opened
  bool has_reserve_ = false;
  sqlite3* db_ = nullptr;
};

RunStore::RunStore(std::unique_ptr<Database> database) : database_(std::move(database)) {}
RunStore::~RunStore() = default;

absl::StatusOr<std::unique_ptr<RunStore>> RunStore::Open(const std::string& folder) {
  auto database = std::make_unique<Database>();
  if (absl::Status status = database->Open(folder); !status.ok()) return status;
  return std::unique_ptr<RunStore>(new RunStore(std::move(database)));
}

absl::Status RunStore::Check() const { return database_->Check(); }

absl::Status RunStore::Put(const daemon::v1::RunRecord& record) {
  if (absl::Status status = Check(); !status.ok()) return status;
  const std::string bytes = record.SerializeAsString();
  return database_->Query(
      "INSERT INTO runs (uid, name, record) VALUES (?, ?, ?)"
      " ON CONFLICT (uid) DO UPDATE SET name = excluded.name, record = excluded.record",
      {record.run().uid(), record.run().name()}, &bytes, nullptr);
}

absl::Status RunStore::Delete(const std::string& uid) {
  if (absl::Status status = Check(); !status.ok()) return status;
  const auto remove = [&] {
    return database_->Query("DELETE FROM runs WHERE uid = ?", {uid}, nullptr, nullptr);
  };
  absl::Status status = remove();
  if (absl::IsResourceExhausted(status) && database_->GiveReserve()) status = remove();
  if (status.ok()) database_->TakeReserve();
  return status;
}

absl::StatusOr<std::vector<daemon::v1::RunRecord>> RunStore::All(std::vector<Damaged>* damaged) {
  std::vector<daemon::v1::RunRecord> records;
  absl::Status status = database_->Query(
      "SELECT record, uid, name FROM runs ORDER BY sequence", {}, nullptr,
      [&](sqlite3_stmt* statement) -> absl::Status {
        const void* bytes = sqlite3_column_blob(statement, 0);
        if (records.emplace_back().ParseFromArray(bytes, sqlite3_column_bytes(statement, 0))) {
          return absl::OkStatus();
        }
        records.pop_back();
        const auto text = [&](int column) {
          return std::string(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)));
        };
        if (damaged != nullptr) damaged->push_back({text(1), text(2)});
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return records;
}

void RunStore::LimitPages(int pages) {
  (void)database_->Execute(fmt::format("PRAGMA max_page_count={}", pages).c_str());
}

}  // namespace throng
