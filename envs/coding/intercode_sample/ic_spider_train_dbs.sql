-- Original data of AgentBank, in the form that mysqldump writes.
CREATE DATABASE  IF NOT EXISTS `orchards`;
USE `orchards`;
DROP TABLE IF EXISTS `tree`;
CREATE TABLE `tree` (
  `Tree_ID` int NOT NULL AUTO_INCREMENT,
  `Variety` text COLLATE utf8mb4_general_ci,
  `Planted` int DEFAULT NULL,
  `Orchard_ID` int DEFAULT NULL,
  `Yield_kg` double DEFAULT NULL,
  PRIMARY KEY (`Tree_ID`),
  KEY `tree_Orchard_ID` (`Orchard_ID`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `tree` VALUES (1,'Ashmead',1998,1,62.5),(2,'Bramley',1975,1,110.0),(3,'Costard',2004,2,48.25),(4,'Bramley',2010,2,71.0),(5,'Discovery',2015,3,33.5),(6,'Ashmead',2001,3,58.0),(7,'Quince',1989,3,24.0),(8,'Bramley',1966,4,95.75),(9,'Medlar',2019,4,5.5),(10,'Costard',1999,1,51.0);
DROP TABLE IF EXISTS `orchard`;
CREATE TABLE `orchard` (
  `Orchard_ID` int NOT NULL AUTO_INCREMENT,
  `Name` text COLLATE utf8mb4_general_ci,
  `County` text COLLATE utf8mb4_general_ci,
  `Hectares` double DEFAULT NULL,
  PRIMARY KEY (`Orchard_ID`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `orchard` VALUES (1,'Long Acre','Hereford',12.5),(2,'Mossy Bank','Somerset',4.0),(3,'Hob\'s Field','Hereford',7.75),(4,'Church End','Kent',20.0),(5,'New Ground','Kent',2.5);
DROP TABLE IF EXISTS `picker`;
CREATE TABLE `picker` (
  `Picker_ID` int NOT NULL AUTO_INCREMENT,
  `Name` text COLLATE utf8mb4_general_ci,
  `Orchard_ID` int DEFAULT NULL,
  `Baskets` int DEFAULT NULL,
  PRIMARY KEY (`Picker_ID`),
  KEY `picker_Orchard_ID` (`Orchard_ID`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `picker` VALUES (1,'Wren Hale',1,210),(2,'Tilo Banks',1,185),(3,'Merrin Fox',2,90),(4,'Asa Quill',3,144),(5,'Bess Tarn',4,260),(6,'Corin Lyle',4,75);
CREATE DATABASE  IF NOT EXISTS `hill_railway`;
USE `hill_railway`;
DROP TABLE IF EXISTS `station`;
CREATE TABLE `station` (
  `id` int NOT NULL AUTO_INCREMENT,
  `name` text COLLATE utf8mb4_general_ci,
  `platforms` int DEFAULT NULL,
  `height_above_sea` int DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `station` VALUES (1,'Abbot\'s Halt',1,42),(2,'Fenwick Junction',4,11),(3,'High Moor',2,388),(4,'Larch Viaduct',1,205),(5,'Port Selwyn',6,3),(6,'Tarnside',2,97);
DROP TABLE IF EXISTS `train`;
CREATE TABLE `train` (
  `id` int NOT NULL AUTO_INCREMENT,
  `name` text COLLATE utf8mb4_general_ci,
  `carriages` int DEFAULT NULL,
  `first_run` int DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `train` VALUES (1,'The Heron',5,1958),(2,'Night Mail',8,1931),(3,'Moorland Flyer',3,1987),(4,'Silver Eel',6,2006);
DROP TABLE IF EXISTS `stop`;
CREATE TABLE `stop` (
  `train_id` int NOT NULL,
  `station_id` int NOT NULL,
  `minutes` int DEFAULT NULL,
  PRIMARY KEY (`train_id`,`station_id`),
  KEY `stop_station_id` (`station_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `stop` VALUES (1,2,4),(1,5,10),(1,6,2),(2,2,12),(2,5,15),(2,1,1),(3,3,3),(3,4,2),(3,6,2),(4,2,3),(4,3,4),(4,5,8);
