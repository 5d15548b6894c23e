CREATE TABLE IF NOT EXISTS "events" (
  "id" BLOB NOT NULL,
  "flag" INTEGER NOT NULL,
  "small" INTEGER NOT NULL,
  "medium" INTEGER NOT NULL,
  "large" INTEGER NOT NULL,
  "unsigned" INTEGER NOT NULL,
  "huge" INTEGER NOT NULL,
  "ratio" REAL NOT NULL,
  "price" INTEGER NOT NULL,
  "fraction" BLOB NOT NULL,
  "pnl" BLOB NOT NULL,
  "whole" INTEGER NOT NULL DEFAULT 7,
  "symbol" TEXT NOT NULL,
  "code" TEXT NOT NULL,
  "data" BLOB NOT NULL,
  "other" BLOB NOT NULL,
  "at" INTEGER NOT NULL,
  "at_ns" INTEGER NOT NULL,
  "day" INTEGER NOT NULL,
  "notes" TEXT NOT NULL,
  "side" TEXT NOT NULL,
  "status" TEXT NOT NULL,
  "flag_or" INTEGER,
  "small_or" INTEGER,
  "medium_or" INTEGER,
  "large_or" INTEGER,
  "ratio_or" REAL,
  "price_or" INTEGER,
  "pnl_or" BLOB,
  "text_or" TEXT,
  "data_or" BLOB,
  "other_or" BLOB,
  "at_or" INTEGER,
  "at_ns_or" INTEGER,
  "day_or" INTEGER,
  "notes_or" TEXT,
  "side_or" TEXT,
  "status_or" TEXT,
  CONSTRAINT "events__key" PRIMARY KEY ("id"),
  CONSTRAINT "events__id__check" CHECK (length("id") = 16),
  CONSTRAINT "events__flag__check" CHECK ("flag" IN (0, 1)),
  CONSTRAINT "events__small__check" CHECK ("small" BETWEEN -32768 AND 32767),
  CONSTRAINT "events__medium__check" CHECK ("medium" BETWEEN -2147483648 AND 2147483647),
  CONSTRAINT "events__price__check" CHECK ("price" BETWEEN -999999999999999999 AND 999999999999999999),
  CONSTRAINT "events__fraction__check" CHECK (length("fraction") = 16 AND "fraction" BETWEEN X'7FFFFFFFDFB031A1C1DAFD9EF0000001' AND X'80000000204FCE5E3E2502610FFFFFFF'),
  CONSTRAINT "events__pnl__check" CHECK (length("pnl") = 16 AND "pnl" BETWEEN X'7FFFFFFFDFB031A1C1DAFD9EF0000001' AND X'80000000204FCE5E3E2502610FFFFFFF'),
  CONSTRAINT "events__whole__check" CHECK ("whole" BETWEEN -9999999999 AND 9999999999),
  CONSTRAINT "events__code__check" CHECK (length("code") <= 4),
  CONSTRAINT "events__other__check" CHECK (length("other") = 16),
  CONSTRAINT "events__notes__check" CHECK (json_valid("notes")),
  CONSTRAINT "events__side__check" CHECK ("side" IN ('buy', 'sell')),
  CONSTRAINT "events__flag_or__check" CHECK ("flag_or" IN (0, 1)),
  CONSTRAINT "events__small_or__check" CHECK ("small_or" BETWEEN -32768 AND 32767),
  CONSTRAINT "events__medium_or__check" CHECK ("medium_or" BETWEEN -2147483648 AND 2147483647),
  CONSTRAINT "events__price_or__check" CHECK ("price_or" BETWEEN -999999999999999999 AND 999999999999999999),
  CONSTRAINT "events__pnl_or__check" CHECK (length("pnl_or") = 16 AND "pnl_or" BETWEEN X'7FFFFFFFDFB031A1C1DAFD9EF0000001' AND X'80000000204FCE5E3E2502610FFFFFFF'),
  CONSTRAINT "events__other_or__check" CHECK (length("other_or") = 16),
  CONSTRAINT "events__notes_or__check" CHECK ("notes_or" IS NULL OR json_valid("notes_or")),
  CONSTRAINT "events__side_or__check" CHECK ("side_or" IN ('buy', 'sell'))
) STRICT;
CREATE INDEX IF NOT EXISTS "events__symbol__index" ON "events" ("symbol");
CREATE INDEX IF NOT EXISTS "events__at__index" ON "events" ("at");
CREATE INDEX IF NOT EXISTS "events__text_or__index" ON "events" ("text_or");
CREATE INDEX IF NOT EXISTS "events__symbol__at__index" ON "events" ("symbol", "at");
CREATE UNIQUE INDEX IF NOT EXISTS "events__symbol__large__unique" ON "events" ("symbol", "large");

CREATE TABLE IF NOT EXISTS "venues" (
  "day" INTEGER NOT NULL,
  "name" TEXT NOT NULL,
  "place_city" TEXT NOT NULL,
  "place_zip" TEXT,
  "opened" INTEGER NOT NULL,
  CONSTRAINT "venues__key" PRIMARY KEY ("day", "name")
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "remarks" (
  "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  "text" TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS "remarks__text__unique" ON "remarks" ("text");

CREATE TABLE IF NOT EXISTS "accounts" (
  "id" INTEGER PRIMARY KEY NOT NULL,
  "owner" TEXT NOT NULL,
  "made" INTEGER NOT NULL,
  "changed" INTEGER NOT NULL,
  "version" INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS "accounts__owner__unique" ON "accounts" ("owner");

CREATE TABLE IF NOT EXISTS "orders" (
  "id" BLOB NOT NULL,
  "account" INTEGER NOT NULL,
  "venue" INTEGER,
  "quantity" INTEGER NOT NULL,
  CONSTRAINT "orders__key" PRIMARY KEY ("id"),
  CONSTRAINT "orders__id__check" CHECK (length("id") = 16),
  CONSTRAINT "orders__venue__check" CHECK ("venue" BETWEEN -2147483648 AND 2147483647),
  CONSTRAINT "orders__quantity__check" CHECK ("quantity" BETWEEN -999999999999999999 AND 999999999999999999),
  CONSTRAINT "orders__account__parent" FOREIGN KEY ("account") REFERENCES "accounts" ("id") ON DELETE CASCADE,
  CONSTRAINT "orders__venue__parent" FOREIGN KEY ("venue") REFERENCES "venues2" ("id") ON DELETE SET NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS "orders__account__index" ON "orders" ("account");

