# Asks NAME:PORT for a page; with OPEN_TIMEOUT it gives the connection that many seconds.
require "net/http"
page = URI("http://#{ARGV[0]}/")
Net::HTTP.start(page.host, page.port, open_timeout: ENV["OPEN_TIMEOUT"]&.to_i) { |connection| connection.get("/") }
