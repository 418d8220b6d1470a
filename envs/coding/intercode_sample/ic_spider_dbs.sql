-- Original data of AgentBank, in the form that mysqldump writes.
CREATE DATABASE  IF NOT EXISTS `harbour_lights`;
USE `harbour_lights`;
DROP TABLE IF EXISTS `lighthouse`;
CREATE TABLE `lighthouse` (
  `Lighthouse_ID` int NOT NULL AUTO_INCREMENT,
  `Name` text COLLATE utf8mb4_general_ci,
  `Coast` text COLLATE utf8mb4_general_ci,
  `Height_m` double DEFAULT NULL,
  `Built` int DEFAULT NULL,
  PRIMARY KEY (`Lighthouse_ID`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `lighthouse` VALUES (1,'Gull Rock','North',31.5,1861),(2,'Old Candle','North',18.0,1790),(3,'Marram Point','East',42.25,1903),(4,'Three Brothers','East',27.0,1844),(5,'Saint Orla','South',55.0,1912),(6,'Kettle Shoal','South',22.75,1877),(7,'Winter Spit','West',36.0,1899),(8,'The Needle','West',48.5,1931);
DROP TABLE IF EXISTS `keeper`;
CREATE TABLE `keeper` (
  `Keeper_ID` int NOT NULL AUTO_INCREMENT,
  `Name` text COLLATE utf8mb4_general_ci,
  `Age` int DEFAULT NULL,
  `Home_coast` text COLLATE utf8mb4_general_ci,
  PRIMARY KEY (`Keeper_ID`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `keeper` VALUES (1,'Ada Brenn',54,'North'),(2,'Tom Sallow',39,'East'),(3,'Ines Marr',47,'South'),(4,'Jory Pell',61,'West'),(5,'Hedda Vane',33,'North'),(6,'Piet Loom',58,'East'),(7,'Oona Reed',29,'South');
DROP TABLE IF EXISTS `watch`;
CREATE TABLE `watch` (
  `Watch_ID` int NOT NULL AUTO_INCREMENT,
  `Lighthouse_ID` int DEFAULT NULL,
  `Keeper_ID` int DEFAULT NULL,
  `Year` int DEFAULT NULL,
  `Nights` int DEFAULT NULL,
  PRIMARY KEY (`Watch_ID`),
  KEY `watch_Lighthouse_ID` (`Lighthouse_ID`),
  KEY `watch_Keeper_ID` (`Keeper_ID`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `watch` VALUES (1,1,1,2019,140),(2,1,5,2020,98),(3,2,5,2019,201),(4,3,2,2018,77),(5,3,6,2019,180),(6,4,6,2020,160),(7,5,3,2018,220),(8,5,7,2020,64),(9,6,3,2019,35),(10,7,4,2018,190),(11,7,4,2019,205),(12,8,4,2020,120),(13,1,1,2020,110);
CREATE DATABASE  IF NOT EXISTS `bread_street`;
USE `bread_street`;
DROP TABLE IF EXISTS `bakery`;
CREATE TABLE `bakery` (
  `id` int NOT NULL AUTO_INCREMENT,
  `name` text COLLATE utf8mb4_general_ci,
  `street` text COLLATE utf8mb4_general_ci,
  `opened` date DEFAULT NULL,
  `seats` int DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `bakery` VALUES (1,'Crumb & Co','Mill Lane','2009-03-14',12),(2,'The Rising Loaf','Quay Street','2015-11-02',30),(3,'Rye Not','Mill Lane','2018-06-21',8),(4,'Daily Knead','Castle Hill','2001-01-05',44),(5,'Flour Hour','Quay Street','2020-09-30',NULL);
DROP TABLE IF EXISTS `bread`;
CREATE TABLE `bread` (
  `id` int NOT NULL AUTO_INCREMENT,
  `name` text COLLATE utf8mb4_general_ci,
  `grain` text COLLATE utf8mb4_general_ci,
  `hours_to_prove` double DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `bread` VALUES (1,'Miller\'s cob','wheat',3.5),(2,'Black rye','rye',16.0),(3,'Seeded tin','wheat',4.25),(4,'Barley bannock','barley',0.5),(5,'Spelt crown','spelt',6.0),(6,'Sailor\'s hardtack','wheat',0.0);
DROP TABLE IF EXISTS `price`;
CREATE TABLE `price` (
  `bakery_id` int NOT NULL,
  `bread_id` int NOT NULL,
  `amount` decimal(10,2) DEFAULT NULL,
  PRIMARY KEY (`bakery_id`,`bread_id`),
  KEY `price_bread_id` (`bread_id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
INSERT INTO `price` VALUES (1,1,3.2),(1,2,4.8),(1,3,3.95),(2,1,3.5),(2,5,5.6),(3,2,4.1),(3,4,2.25),(4,1,2.9),(4,3,3.6),(4,4,2.4),(4,6,1.5),(5,5,6.15),(5,2,5.0);
