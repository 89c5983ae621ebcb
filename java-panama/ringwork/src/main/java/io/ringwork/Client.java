package io.ringwork;

import java.util.List;

class Client {
  <Q, R> TaskFuture<R> submit(TaskType<Q, R> t, Q q, TaskOptions o) { throw new UnsupportedOperationException(); }
  <Q, R> List<TaskFuture<R>> submitAll(TaskType<Q, R> t, List<? extends Q> q, TaskOptions o) { throw new UnsupportedOperationException(); }
  <Q, R> R call(TaskType<Q, R> t, Q q, TaskOptions o) throws InterruptedException { throw new UnsupportedOperationException(); }
  RawTask claim(String h, long n, TaskOptions o) { throw new UnsupportedOperationException(); }
  String name() { throw new UnsupportedOperationException(); }
  PoolInfo info() { throw new UnsupportedOperationException(); }
  boolean isOpen() { throw new UnsupportedOperationException(); }
  void close() { throw new UnsupportedOperationException(); }
}
