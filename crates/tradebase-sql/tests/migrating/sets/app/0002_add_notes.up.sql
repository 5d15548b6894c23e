-- tradebase: migration
-- id: 0002
-- title: add notes
-- parent: 0001
-- transactional: yes
-- checksum: 05cb0738a80ce0b8a0e7128b8ca61a5f713e45e82878f0aa2ec83a97924250d0

ALTER TABLE "bots" ADD COLUMN "note" TEXT;
