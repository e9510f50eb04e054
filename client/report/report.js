// The report: what people ask of such data, in the order in which they ask it.

const data = JSON.parse(document.getElementById("data").textContent);
const { summary } = data;
const statistics = summary.statistics;
const figures = summary.figures ?? {};
const dataset = summary.dataset;
const checks = summary.checklist?.checks ?? [];

// ---- Words ----

const number = (value) => whole.format(value ?? 0);
const stars = (value) => (value ?? 0).toFixed(2);
function duration(seconds) {
  for (const [unit, size] of [["days", 86400], ["hours", 3600], ["min", 60]]) {
    if (seconds >= 2 * size || (unit === "days" && seconds >= size)) {
      return `${(seconds / size).toFixed(seconds < 10 * size ? 1 : 0)} ${unit}`;
    }
  }
  return `${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s`;
}
const verdicts = { pass: ["pass", "pass"], fail: ["FAIL", "fail"], not_checked: ["not checked", "open"] };

// What was promised and what is: the checks that a picture shows, as a small table.
function promises(...ids) {
  const shown = checks.filter(
    (check) => ids.some((id) => check.id === id) && check.verdict !== "not_checked");
  if (shown.length === 0) return null;
  return node("table", { class: "promise" },
    node("thead", {}, node("tr", {},
      ...["", "expected", "found", ""].map((word) => node("th", {}, word)))),
    node("tbody", {}, ...shown.map((check) => {
      const [word, style] = verdicts[check.verdict] ?? verdicts.not_checked;
      return node("tr", {}, node("td", {}, check.title), node("td", {}, check.expected ?? ""),
        node("td", {}, check.figure ?? ""), node("td", { class: style }, word));
    })));
}

const legend = (...entries) => node("div", { class: "legend" },
  ...entries.map(([name, color]) => node("span", {}, node("i", { style: `background: ${color}` }), name)));

function card(title, words, ...content) {
  return node("section", { class: "card" }, node("h3", {}, title), node("p", {}, words), ...content);
}
const wide = (made) => (made.classList.add("wide"), made);

// ---- Pictures ----

function rankCount() {
  const { users, items } = figures;
  const points = (spread) => (spread.rank_curve ?? []).map((point) => [point.rank, point.rows]);
  const words = `The busiest fifth of the users has ${percent(users.top_fifth_share)} of the rows, ` +
    `the most met fifth of the items ${percent(items.top_fifth_share)}. ` +
    `Gini: users ${users.gini.toFixed(2)}, items ${items.gini.toFixed(2)}.`;
  return card("Rows by rank", words,
    legend(["items", "var(--one)"], ["users", "var(--two)"]),
    logLines("Rows of users and items by rank, both axes logarithmic", "rank", "rows", [
      { name: "items", color: "var(--one)", points: points(items) },
      { name: "users", color: "var(--two)", points: points(users) },
    ]),
    promises("promise.top_users", "promise.active_users", "promise.touched_items"));
}

const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
function weekHours() {
  const rows = figures.hour_of_week_rows;
  const most = Math.max(...rows);
  const mean = rows.reduce((sum, value) => sum + value, 0) / 168;
  const hours = [...Array(24).keys()];
  const busiest = rows.indexOf(most);
  const words = `UTC. The busiest hour is ${weekdays[Math.floor(busiest / 24)]} ${busiest % 24}:00, ` +
    `with ${(most / (mean || 1)).toFixed(1)} times the mean.`;
  return card("Hours of the week", words,
    cells("Rows by weekday and hour", weekdays, hours, (day, hour) => {
      const value = rows[day * 24 + hour];
      return { value: value / (most || 1), title: `${weekdays[day]} ${hour}:00: ${number(value)} rows` };
    }, { rowHeight: 34, left: 36, everyColumn: (width) => (width < 14 ? 6 : width < 20 ? 3 : 2) }),
    promises("times_spread", "promise.hours"));
}

function sixPeople() {
  const list = figures.timelines;
  const all = list.flatMap((one) => one.times_ms ?? []);
  const from = statistics.first_timestamp ? Date.parse(statistics.first_timestamp) : Math.min(...all);
  const to = statistics.last_timestamp ? Date.parse(statistics.last_timestamp) : Math.max(...all);
  return wide(card("Six people", "From the busiest user to a rare one; each stroke is an interaction.",
    timelines("When six users interacted", list.map((one) => ({
      name: `${one.user_id.length > 14 ? one.user_id.slice(0, 13) + "…" : one.user_id}`,
      title: `${one.user_id}: ${number(one.rows)} rows, rank ${number(one.rank)}`,
      times: one.times_ms ?? [],
    })), from, to)));
}

function ratingBars() {
  const found = [...statistics.rating_distribution].reverse();
  const targets = new Map((summary.promised_ratings ?? []).map((one) => [one.rating, one.share]));
  const words = `Mean ${stars(statistics.average_rating)} stars, ` +
    `standard deviation ${stars(figures.rating_sd)}.`;
  // Foreign data may have a rating of its own for each row; a bar each needs room.
  const shown = found.length <= 40 ? found.map((one) => ({
    name: String(one.rating), value: one.share, target: targets.get(one.rating),
    title: `${one.rating}: ${number(one.interactions)} rows, ${percent(one.share, 2)}`,
  })) : binned(found, 40);
  return card("Ratings", words,
    targets.size > 0 ? legend(["found", "var(--one)"], ["promised", "var(--two)"]) : null,
    bars("Shares of the ratings", shown, { format: (share) => percent(share, 0) }),
    promises("ratings_vary", "promise.ratings"));
}
function binned(found, count) {
  const least = found[0].rating;
  const step = (found.at(-1).rating - least) / count || 1;
  const made = Array.from({ length: count }, (_, i) => ({
    name: (least + i * step).toFixed(1), value: 0,
    title: `${(least + i * step).toFixed(2)} to ${(least + (i + 1) * step).toFixed(2)}`,
  }));
  for (const one of found) {
    made[Math.min(count - 1, Math.floor((one.rating - least) / step))].value += one.share;
  }
  return made;
}

// Mean of the means in bins of rows, with one standard deviation to each side.
function meanByRows() {
  const list = [["items", figures.items, "var(--one)"], ["users", figures.users, "var(--two)"]]
    .map(([name, spread, color]) => ({ name, color, bins: spread.by_rows ?? [] }));
  const all = list.flatMap((one) => one.bins);
  const low = Math.min(...all.map((bin) => bin.mean - (bin.sd ?? 0)));
  const high = Math.max(...all.map((bin) => bin.mean + (bin.sd ?? 0)));
  const most = Math.max(...all.map((bin) => bin.to_rows), 2);
  const draw = (svg, width, height) => {
    const box = { left: 44, right: width - 10, top: 10, bottom: height - 36 };
    const x = logarithmic(1, most, box.left, box.right);
    const y = linear(low, high, box.bottom, box.top);
    for (const value of powers(1, most, width / 60)) {
      svg.append(line(x(value), box.top, x(value), box.bottom));
      svg.append(text(x(value), box.bottom + 14, short.format(value), "middle"));
    }
    for (let i = 0; i <= 4; ++i) {
      const value = low + ((high - low) * i) / 4;
      svg.append(line(box.left, y(value), box.right, y(value)));
      svg.append(text(box.left - 6, y(value) + 4, value.toFixed(1), "end"));
    }
    svg.append(text((box.left + box.right) / 2, height - 6, "rows", "middle"));
    list.forEach((one, which) => {
      for (const bin of one.bins) {
        const at = x(Math.sqrt(bin.from_rows * bin.to_rows)) + (which === 0 ? -3 : 3);
        svg.append(line(at, y(bin.mean - (bin.sd ?? 0)), at, y(bin.mean + (bin.sd ?? 0)),
          { stroke: one.color, "stroke-width": 2, "stroke-opacity": 0.45 }));
        svg.append(withTitle(svgNode("circle", { cx: at, cy: y(bin.mean), r: 4, fill: one.color }),
          `${number(bin.members)} ${one.name} with ${number(bin.from_rows)} to ` +
          `${number(bin.to_rows)} rows: ${stars(bin.mean)} ± ${stars(bin.sd)}`));
      }
    });
  };
  const ratio = figures.users.mean_rating_chance_ratio;
  const words = "Mean rating of users and items by how many rows they have, with one standard deviation." +
    (ratio ? ` Users' means vary ${ratio.toFixed(1)} times as much as chance would have it.` : "");
  return card("Opinions", words, legend(["items", "var(--one)"], ["users", "var(--two)"]),
    plot(220, "Mean ratings by number of rows", draw));
}

function whoMeetsWhat() {
  const clusters = figures.clusters.map((group) => group.name);
  const categories = figures.categories.map((group) => group.name);
  const rows = figures.cluster_category_rows;
  const most = Math.max(...figures.clusters.map((group, r) => Math.max(
    ...categories.map((_, c) => rows[r * categories.length + c] / (group.rows || 1)))));
  const narrow = (name) => (name.length > 16 ? `${name.slice(0, 15)}…` : name);
  return wide(card("Who meets what", "Share of each cluster's rows that goes to each category.",
    cells("Rows by cluster and category", clusters.map(narrow), categories.map(narrow), (r, c) => {
      const share = rows[r * categories.length + c] / (figures.clusters[r].rows || 1);
      return {
        value: share / (most || 1), label: percent(share, 0),
        title: `${clusters[r]}, ${categories[c]}: ${percent(share)} of the cluster's rows`,
      };
    }, { rowHeight: 26, left: 112, everyColumn: (width) => (width < 62 ? Math.ceil(62 / width) : 1) }),
    kinds(), promises("promise.kinds", "promise.clusters", "promise.categories", "promise.popular_items")));
}
function kinds() {
  if (!figures.kinds?.length) return null;
  const words = figures.kinds.map((kind) => `${kind.name} ${percent(kind.share)}`).join(", ");
  return node("p", {}, `Why items were chosen: ${words}.`);
}

function itemsByWeek() {
  const list = figures.weeks.map((week) => {
    const start = week.start.slice(0, 10);
    return {
      name: start.slice(5), value: week.items ?? week.new_items ?? 0, part: week.new_items ?? 0,
      title: `Week of ${start}: ${number(week.items)} items, ${number(week.new_items)} of them new; ` +
        `${number(week.rows)} rows`,
    };
  });
  const late = figures.items.only_in_last_fifth;
  const words = late === undefined ? "Items with a row in the week; those met for the first time are marked."
    : `Items with a row in the week. ${number(late)} items and ${number(figures.users.only_in_last_fifth)} ` +
      "users have rows in the last fifth only.";
  return card("Items by week", words,
    legend(["met before", "var(--weak)"], ["new", "var(--two)"]),
    bars("Items with rows by week, new ones marked", list));
}

function gapBars() {
  const { gaps, sessions } = figures;
  const list = (gaps.bins ?? []).map((bin) => ({
    name: duration(bin.from_seconds), value: bin.count / gaps.seconds.count,
    title: `${duration(bin.from_seconds)} to ${duration(bin.to_seconds)}: ${number(bin.count)} gaps`,
  }));
  const words = `Between two rows of one user: ${percent(gaps.within_minute)} within a minute, ` +
    `median ${duration(gaps.seconds.p50)}` + (sessions ? `. ${number(sessions.count)} sessions of ` +
    `${sessions.mean_rows.toFixed(1)} rows and ${duration(sessions.mean_seconds)} in the mean.` : ".");
  return card("Pauses", words, bars("Gaps by length", list, { format: (share) => percent(share, 0) }),
    promises("promise.sessions"));
}

// ---- The page ----

function tiles() {
  const total = (known, seen) => (known > seen ? `of ${number(known)}` : "");
  const list = [
    [number(statistics.total_interactions), "interactions"],
    [number(statistics.unique_active_users), `users ${total(statistics.total_users, statistics.unique_active_users)}`],
    [number(statistics.unique_items), `items ${total(statistics.total_items, statistics.unique_items)}`],
    [`${stars(statistics.average_rating)} ★`, "average rating"],
    [duration(figures.seconds ?? 0), "from first to last"],
  ];
  if (figures.pairs) list.push([percent(figures.pairs.density, 2), "of all pairs met"]);
  return node("div", { class: "tiles" },
    ...list.map(([value, words]) => node("div", { class: "tile" }, node("b", {}, value), node("span", {}, words))));
}

function checklist() {
  if (checks.length === 0) return null;
  return node("section", {}, node("h2", {}, "Checklist"), node("div", { class: "card" },
    node("table", { class: "checklist" },
      node("thead", {}, node("tr", {}, ...["", "Check", "Expected", "Found", "Why"].map(
        (word) => node("th", {}, word)))),
      node("tbody", {}, ...checks.map((check) => {
        const [word, style] = verdicts[check.verdict] ?? verdicts.not_checked;
        return node("tr", {}, node("td", { class: style }, word), node("td", {}, check.title),
          node("td", { "data-name": "expected" }, check.expected ?? ""),
          node("td", { "data-name": "found" }, check.figure ?? ""), node("td", {}, check.reason ?? ""));
      })))));
}

function page() {
  const span = statistics.first_timestamp && statistics.last_timestamp
    ? `${statistics.first_timestamp.slice(0, 10)} to ${statistics.last_timestamp.slice(0, 10)}` : "";
  document.body.append(node("header", {}, node("h1", {}, data.title),
    node("p", {}, [data.places.join(", "), span].filter(Boolean).join(" · "))), tiles());
  // Each picture, if the figures that it shows are there.
  const cards = [
    [figures.users?.rank_curve?.length && figures.items?.rank_curve?.length, rankCount],
    [figures.hour_of_week_rows?.some((rows) => rows > 0), weekHours],
    [figures.timelines?.length, sixPeople],
    [statistics.rating_distribution?.length, ratingBars],
    [figures.users?.by_rows?.length && figures.items?.by_rows?.length, meanByRows],
    [figures.cluster_category_rows?.length, whoMeetsWhat],
    [figures.weeks?.length, itemsByWeek],
    [figures.gaps?.seconds?.count, gapBars],
  ];
  document.body.append(node("div", { class: "cards" }, ...cards.filter(([there]) => there).map(([, make]) => make())));
  const list = checklist();
  if (list) document.body.append(list);
  const notes = [...(figures.notes ?? [])];
  if (summary.damaged_records) {
    notes.unshift(`${number(summary.damaged_records)} records cannot be read; the first: ` +
      `${summary.damaged[0].piece} at ${summary.damaged[0].offset}: ${summary.damaged[0].sentence}`);
  }
  for (const note of notes) document.body.append(node("p", { class: "note" }, note));
  if (data.spec) {
    document.body.append(node("details", { open: "" }, node("summary", {}, "The spec"), node("pre", {}, data.spec)));
  }
  document.body.append(node("footer", {}, [
    `Throng ${data.version}, ${data.created}`,
    summary.fingerprint ? `fingerprint ${summary.fingerprint}` : "",
    data.command ? `made by: ${data.command}` : "",
  ].filter(Boolean).join(" · ")));
  drawWhenSized();
}
page();
