"""Where a JVM reads its options, in which order, and the flags that decide which families it dials.

JVM TI section JAVA_TOOL_OPTIONS; java(1) section JDK_JAVA_OPTIONS. Start scripts put JAVA_OPTS on the command line.
"""

import re

BEFORE, AFTER = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS"), ("_JAVA_OPTIONS",)
"""Variables whose options a JVM reads before and after those of its command line; what comes last counts."""
COMMAND = "the command"
IPV4_ALONE, IPV6_FIRST = "preferIPv4Stack", "preferIPv6Addresses"
FLAG = re.compile(rf"-Djava\.net\.(?P<name>{IPV4_ALONE}|{IPV6_FIRST})=(?P<value>\w+)")
