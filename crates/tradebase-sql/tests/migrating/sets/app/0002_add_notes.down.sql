-- tradebase: migration
-- id: 0002
-- title: add notes
-- parent: 0001
-- transactional: yes
-- checksum: 7c68d14265d9d809ab6cf7afc4f4e00b41f56a1cf66f8c7495696414df63dd28

ALTER TABLE "bots" DROP COLUMN "note";
