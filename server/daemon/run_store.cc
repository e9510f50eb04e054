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
#include <future>
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
                                    "PRAGMA wal_autocheckpoint=64", "PRAGMA busy_timeout=5000"};

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

// Where the database lies, and whether it still does.
class RunStore::Place {
 public:
  // Empty: in memory.
  static absl::StatusOr<std::unique_ptr<Place>> Take(const std::string& folder) {
    std::unique_ptr<Place> place(new Place(folder));
    if (folder.empty()) return place;
    std::error_code error;
    if (fs::create_directories(folder, error)) {
      fs::permissions(folder, fs::perms::owner_all, error);
    }
    auto lock = FolderLock::Take(folder);
    if (!lock.ok()) return lock.status();
    place->lock_ = *std::move(lock);
    return place;
  }

  std::string path() const { return folder_.empty() ? ":memory:" : folder_ + "/runs.db"; }

  // The database has been opened.
  void Note() {
    if (folder_.empty()) return;
    file_ = Descriptor(open(path().c_str(), O_RDONLY | O_CLOEXEC));
    TakeReserve();
  }

  absl::Status Check() const {
    if (folder_.empty() || (lock_->IsThere() && IsStillAt(file_.get(), path()))) {
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

 private:
  explicit Place(std::string folder) : folder_(std::move(folder)) {}
  std::string ReservePath() const { return folder_ + "/reserve"; }

  const std::string folder_;
  std::unique_ptr<FolderLock> lock_;
  Descriptor file_;  // the database, as it was opened
  bool has_reserve_ = false;
};

// A connection to the database.
class RunStore::Database {
 public:
  ~Database() { sqlite3_close(db_); }

  absl::Status Open(const std::string& path) {
    path_ = path;
    if (sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) !=
        SQLITE_OK) {
      return Failure();
    }
    for (const char* pragma : kPragmas) {
      if (absl::Status status = Execute(pragma); !status.ok()) return status;
    }
    return absl::OkStatus();
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

 private:
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

  std::string path_;
  sqlite3* db_ = nullptr;
};

namespace {

std::string TextAt(sqlite3_stmt* statement, int column) {
  return reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
}

// False: what stands there is no record.
bool ReadRecord(sqlite3_stmt* statement, daemon::v1::RunRecord* record) {
  const void* bytes = sqlite3_column_blob(statement, 0);
  return record->ParseFromArray(bytes, sqlite3_column_bytes(statement, 0));
}

}  // namespace

RunStore::RunStore(std::unique_ptr<Place> place, std::unique_ptr<Database> writing,
                   std::unique_ptr<Database> reading)
    : place_(std::move(place)),
      writing_(std::move(writing)),
      reading_(std::move(reading)),
      thread_([this] { Work(); }) {}

RunStore::~RunStore() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

absl::StatusOr<std::unique_ptr<RunStore>> RunStore::Open(const std::string& folder) {
  auto place = Place::Take(folder);
  if (!place.ok()) return place.status();
  auto writing = std::make_unique<Database>();
  absl::Status status = writing->Open((*place)->path());
  if (status.ok()) status = writing->Migrate();
  std::unique_ptr<Database> reading;
  if (status.ok() && !folder.empty()) {
    reading = std::make_unique<Database>();
    status = reading->Open((*place)->path());
  }
  if (!status.ok()) return status;
  (*place)->Note();
  return std::unique_ptr<RunStore>(
      new RunStore(*std::move(place), std::move(writing), std::move(reading)));
}

absl::Status RunStore::Check() const { return place_->Check(); }

// ---- Writing ----

void RunStore::Ask(Job job) {
  const std::lock_guard lock(mutex_);
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void RunStore::PutSoon(const Record& record, OnPut on_put) {
  Job job;
  job.uid = record.run().uid();
  job.name = record.run().name();
  job.bytes = record.SerializeAsString();
  job.on_put = std::move(on_put);
  Ask(std::move(job));
}

void RunStore::DeleteSoon(const std::string& uid, OnDelete on_delete) {
  Job job;
  job.uid = uid;
  job.on_delete = std::move(on_delete);
  Ask(std::move(job));
}

absl::Status RunStore::Put(const Record& record) {
  std::promise<absl::Status> done;
  PutSoon(record, [&done](const absl::Status& status) { done.set_value(status); });
  return done.get_future().get();
}

absl::StatusOr<RunStore::Record> RunStore::Delete(const std::string& uid) {
  std::promise<absl::StatusOr<Record>> done;
  DeleteSoon(uid, [&done](const absl::StatusOr<Record>& deleted) { done.set_value(deleted); });
  return done.get_future().get();
}

void RunStore::Flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.empty() && !is_writing_; });
}

void RunStore::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_over_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    std::vector<Job> jobs;
    jobs.swap(jobs_);
    is_writing_ = true;
    lock.unlock();
    Write(&jobs);
    for (const Job& job : jobs) {
      if (job.on_put) {
        job.on_put(job.status);
      } else if (job.status.ok()) {
        job.on_delete(job.deleted);
      } else {
        job.on_delete(job.status);
      }
    }
    jobs.clear();
    lock.lock();
    is_writing_ = false;
    changed_.notify_all();
  }
}

void RunStore::Write(std::vector<Job>* jobs) {
  const std::lock_guard lock(writing_mutex_);
  const absl::Status is_there = Check();
  if (is_there.ok() && jobs->size() > 1 && WriteAll(jobs).ok()) return;
  for (Job& job : *jobs) job.status = is_there.ok() ? WriteOne(&job, true) : is_there;
}

absl::Status RunStore::WriteAll(std::vector<Job>* jobs) {
  absl::Status status = writing_->Execute("BEGIN IMMEDIATE");
  for (Job& job : *jobs) {
    if (status.ok()) status = WriteOne(&job, /*may_use_reserve=*/false);
  }
  if (status.ok()) status = writing_->Execute("COMMIT");
  if (!status.ok()) (void)writing_->Execute("ROLLBACK");  // each for itself, then
  return status;
}

absl::Status RunStore::WriteOne(Job* job, bool may_use_reserve) {
  if (job->on_put) {
    return writing_->Query(
        "INSERT INTO runs (uid, name, record) VALUES (?, ?, ?)"
        " ON CONFLICT (uid) DO UPDATE SET name = excluded.name, record = excluded.record",
        {job->uid, job->name}, &job->bytes, nullptr);
  }
  const auto remove = [&] {
    return writing_->Query("DELETE FROM runs WHERE uid = ? RETURNING record", {job->uid}, nullptr,
                           [&](sqlite3_stmt* statement) {
                             if (!ReadRecord(statement, &job->deleted)) job->deleted.Clear();
                             return absl::OkStatus();
                           });
  };
  absl::Status status = remove();
  if (!may_use_reserve) return status;
  if (absl::IsResourceExhausted(status) && place_->GiveReserve()) status = remove();
  if (status.ok()) place_->TakeReserve();
  return status;
}

// ---- Reading ----

absl::StatusOr<RunStore::Record> RunStore::Read(const std::string& uid) {
  const std::lock_guard lock(reading_ != nullptr ? reading_mutex_ : writing_mutex_);
  Database* const database = reading_ != nullptr ? reading_.get() : writing_.get();
  absl::StatusOr<Record> found =
      MakeError(absl::StatusCode::kNotFound, "RUN_NOT_FOUND", "The run was deleted meanwhile.");
  absl::Status status = database->Query(
      "SELECT record FROM runs WHERE uid = ?", {uid}, nullptr, [&](sqlite3_stmt* statement) {
        Record record;
        if (ReadRecord(statement, &record)) {
          found = std::move(record);
        } else {
          found = MakeError(absl::StatusCode::kDataLoss, "RECORD_DAMAGED",
                            "What is stored of the run is damaged.");
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return found;
}

absl::Status RunStore::ForEach(const std::function<void(Record record)>& on_record,
                               const std::function<void(const Damaged&)>& on_damaged) {
  Flush();
  const std::lock_guard lock(writing_mutex_);
  return writing_->Query("SELECT record, uid, name FROM runs ORDER BY sequence", {}, nullptr,
                         [&](sqlite3_stmt* statement) {
                           Record record;
                           if (ReadRecord(statement, &record)) {
                             on_record(std::move(record));
                           } else {
                             on_damaged({TextAt(statement, 1), TextAt(statement, 2)});
                           }
                           return absl::OkStatus();
                         });
}

absl::StatusOr<std::vector<RunStore::Record>> RunStore::All(std::vector<Damaged>* damaged) {
  std::vector<Record> records;
  absl::Status status = ForEach([&](Record record) { records.push_back(std::move(record)); },
                                [&](const Damaged& run) {
                                  if (damaged != nullptr) damaged->push_back(run);
                                });
  if (!status.ok()) return status;
  return records;
}

absl::StatusOr<std::vector<std::string>> RunStore::FindDamage() {
  Flush();
  const std::lock_guard lock(writing_mutex_);
  std::vector<std::string> found;
  absl::Status status =
      writing_->Query("PRAGMA integrity_check", {}, nullptr, [&](sqlite3_stmt* statement) {
        std::string line = TextAt(statement, 0);
        if (line != "ok") found.push_back(std::move(line));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return found;
}

void RunStore::LimitPages(int pages) {
  const std::lock_guard lock(writing_mutex_);
  (void)writing_->Execute(fmt::format("PRAGMA max_page_count={}", pages).c_str());
}

}  // namespace throng
