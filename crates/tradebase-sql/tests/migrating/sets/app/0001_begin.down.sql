-- tradebase: migration
-- id: 0001
-- title: begin
-- parent: none
-- transactional: yes
-- checksum: e5de49b7e33a364de858673fcc80aa7d02feaf54fac9bf68a4d5a2adbd8e066f

DROP TABLE "bots";
