-- A small shop. stock is what everybody fights for; everything holds a bit of every type.
CREATE DATABASE shop DEFAULT CHARACTER SET utf8mb4;
USE shop;
CREATE TABLE customers (
  id INT PRIMARY KEY, name VARCHAR(100) NOT NULL, city VARCHAR(60), credit DECIMAL(12,2) NOT NULL DEFAULT 0,
  changed_in CHAR(1) NOT NULL);
CREATE TABLE orders (
  id BIGINT PRIMARY KEY AUTO_INCREMENT, customer INT NOT NULL, amount DECIMAL(12,2) NOT NULL, note VARCHAR(200),
  state ENUM('new','paid','sent') NOT NULL DEFAULT 'new', born_in CHAR(1) NOT NULL, at DATETIME(6) NOT NULL,
  KEY (customer));
CREATE TABLE stock (
  item VARCHAR(20) PRIMARY KEY, pieces INT NOT NULL, price DECIMAL(10,2) NOT NULL, last_region CHAR(1) NOT NULL);
CREATE TABLE everything (
  id INT PRIMARY KEY, tiny TINYINT UNSIGNED, big BIGINT UNSIGNED, exact DECIMAL(30,10), f FLOAT, d DOUBLE, bits BIT(40),
  day DATE, moment DATETIME(6), stamp TIMESTAMP(3) NULL, span TIME(2), y YEAR, fixed BINARY(8), latin VARCHAR(30) CHARACTER SET latin1,
  words TEXT, bytes BLOB, kind ENUM('small','medium','large'), flags SET('hot','new','rare'), doc JSON, address INET6, uid UUID, place POINT);
