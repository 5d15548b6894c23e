-- tradebase: migration
-- id: 0001
-- title: begin
-- parent: none
-- transactional: yes
-- checksum: c673c230521a0815f843d15fc55c1f234305fa958857ccfd431ce0fcb3a163e2

CREATE TABLE "bots" ("id" BIGINT PRIMARY KEY, "name" TEXT NOT NULL);
