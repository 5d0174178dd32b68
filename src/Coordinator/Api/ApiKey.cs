using System.Security.Cryptography;
using System.Text;

namespace Ganymede.Coordinator.Api;

/// <summary>The secret that a request has to bring to change something. It keeps a hash only, and compares in constant time.</summary>
public sealed class ApiKey
{
    /// <summary>A shorter one could be guessed over the network.</summary>
    public const int LeastLength = 16;

    private const int MostLength = 1024;
    private readonly byte[] _hash;

    private ApiKey(string key) => _hash = SHA256.HashData(Encoding.UTF8.GetBytes(key));

    /// <summary>Whether that is the key; how long it takes says nothing of how much of it is right.</summary>
    public bool Is(string presented) =>
        presented.Length <= MostLength && CryptographicOperations.FixedTimeEquals(_hash, SHA256.HashData(Encoding.UTF8.GetBytes(presented)));

    /// <summary>The key that the options name; null where they name none, or one that will not do.</summary>
    /// <param name="problem">What is wrong with it, naming the setting and never the key.</param>
    public static ApiKey? Load(ApiOptions options, out string? problem)
    {
        problem = null;
        var fromFile = !string.IsNullOrEmpty(options.ApiKeyFile);
        if (fromFile && !string.IsNullOrEmpty(options.ApiKey))
        {
            problem = "Http:ApiKey, Http:ApiKeyFile: both are given; one of them says what the key is.";
            return null;
        }

        var key = options.ApiKey;
        if (fromFile)
        {
            try
            {
                key = ReadFile(options.ApiKeyFile!);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
            {
                problem = $"Http:ApiKeyFile: {options.ApiKeyFile}: {error.Message}";
                return null;
            }
        }

        if (string.IsNullOrEmpty(key) && !fromFile)
            return null;
        if (Fault(key!) is { } fault)
        {
            problem = fromFile ? $"Http:ApiKeyFile: {options.ApiKeyFile}: {fault}" : $"Http:ApiKey: {fault}";
            return null;
        }

        return new ApiKey(key!);
    }

    private static string ReadFile(string path)
    {
        using var file = File.OpenText(path);
        var text = new char[MostLength * 4]; // never more of a file that was named by mistake
        return new string(text, 0, file.ReadBlock(text)).Trim();
    }

    private static string? Fault(string key) => key switch
    {
        { Length: < LeastLength or > MostLength } => $"{key.Length} characters; {LeastLength} to {MostLength} are needed, such as those of 'openssl rand -hex 32'.",
        _ when key.Any(c => c is <= ' ' or > '~') => "only printable ASCII characters without spaces can be sent in a header.",
        _ => null,
    };
}
