namespace Ganymede.Collectives;

/// <summary>Bytes that this process has sent and received on the data plane since it started: gradients, states and files, with their headers.</summary>
public static class Traffic
{
    private static long _sent, _received;

    public static long BytesSent => Interlocked.Read(ref _sent);

    public static long BytesReceived => Interlocked.Read(ref _received);

    internal static void Sent(int bytes) => Interlocked.Add(ref _sent, bytes);

    internal static void Received(int bytes) => Interlocked.Add(ref _received, bytes);
}
