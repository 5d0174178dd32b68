using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Ganymede.Tests;

/// <summary>Takes what programs send by OTLP over HTTP, as a collector would.</summary>
internal sealed class TraceSink : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<string> _received = [];

    public TraceSink()
    {
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Endpoint = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
        }

        _listener.Prefixes.Add(Endpoint + "/");
        _listener.Start();
        _ = Task.Run(TakeAsync);
    }

    public string Endpoint { get; }

    /// <summary>Whether a span of this name came. Names are plain text in protobuf.</summary>
    public bool Has(string text) => _received.Any(body => body.Contains(text, StringComparison.Ordinal));

    public void Dispose() => _listener.Close();

    private async Task TakeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext request;
            try
            {
                request = await _listener.GetContextAsync();
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            using var body = new MemoryStream();
            await request.Request.InputStream.CopyToAsync(body);
            if (request.Request.Url!.AbsolutePath == "/v1/traces")
                _received.Enqueue(Encoding.Latin1.GetString(body.ToArray()));
            request.Response.ContentType = "application/x-protobuf";
            request.Response.Close();
        }
    }
}
