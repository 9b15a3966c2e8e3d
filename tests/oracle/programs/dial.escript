#!/usr/bin/env escript
%% Dials NAME:PORT with gen_tcp's own settings, then asks it for a page.
main([Target]) ->
    [Name, Port] = string:split(Target, ":"),
    {ok, Socket} = gen_tcp:connect(Name, list_to_integer(Port), [binary, {active, false}]),
    gen_tcp:send(Socket, "GET / HTTP/1.0\r\n\r\n").
