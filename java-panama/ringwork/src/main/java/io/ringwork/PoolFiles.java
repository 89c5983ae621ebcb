package io.ringwork;

final class PoolFiles { private PoolFiles() {} static void checkName(String n) {} }