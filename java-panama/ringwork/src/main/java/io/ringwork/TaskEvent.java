package io.ringwork;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Timespan;

/** One task, from its submit to its end. Made only where the JVM has the flight recorder. */
@Name("ringwork.Task")
@Label("Ringwork Task")
@Description("A task from its submit until this client had its end")
@Category("Ringwork")
@Enabled(false)
@StackTrace(false)
final class TaskEvent extends Event {
  /** Asked whether anything is recorded; never committed. */
  private static final TaskEvent PROBE = new TaskEvent();

  @Label("Pool")
  String pool = "";

  @Label("Handler")
  String handler = "";

  @Label("Priority")
  String priority = "";

  @Label("Requests")
  @Description("1, or the requests of a chunk")
  int requests;

  @Label("Outcome")
  String outcome = "";

  @Label("Error")
  @Description("The handler's code, the reason of a refusal, or the class of the failure")
  String error = "";

  @Label("Queue Time")
  @Description("From the submit to the claim of the last attempt; none if no lane took it")
  @Timespan(Timespan.NANOSECONDS)
  long queueTime = Long.MIN_VALUE;

  @Label("Run Time")
  @Description("From that claim until this client had the end")
  @Timespan(Timespan.NANOSECONDS)
  long runTime = Long.MIN_VALUE;

  @Label("Attempt")
  @Description("Which attempt ended it, from 1 on; 0 if none has begun")
  int attempt;

  @Label("Lane")
  @Description("-1 if no lane took it")
  int lane = -1;

  @Label("Worker PID")
  @Description("The process that ran it; 0 if that is not known")
  int workerPid;

  /** Whether a recording wants events of this kind. */
  static boolean isOn() {
    return PROBE.isEnabled();
  }
}
