using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.AspNetCore.StaticFiles;
using Microsoft.Net.Http.Headers;

namespace Ganymede.Coordinator.Page;

/// <summary>The live page: files of this folder, embedded in the assembly, so that it needs neither a web server nor the internet.</summary>
public static class PageAssets
{
    /// <summary>
    /// Nothing but our own files, and no script or style inside a document: text that a data set or a node's name smuggles in stays text.
    /// </summary>
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    private const string Start = "index.html";
    private static readonly FrozenDictionary<string, Asset> _assets = Load();

    private sealed record Asset(byte[] Bytes, string ContentType, EntityTagHeaderValue Tag);

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/", (HttpContext context) => Send(Start, context)).ExcludeFromDescription();
        routes.MapGet("/page/{name}", (string name, HttpContext context) => Send(name, context)).ExcludeFromDescription();
        routes.MapGet("/favicon.ico", (HttpContext context) => Send("icon.svg", context)).ExcludeFromDescription();
    }

    private static IResult Send(string name, HttpContext context)
    {
        if (!_assets.TryGetValue(name, out var asset))
            return Results.NotFound();
        context.Response.Headers.ContentSecurityPolicy = Policy;
        context.Response.Headers.CacheControl = "no-cache"; // asked for anew each time, and sent only if another version is installed
        return Results.Bytes(asset.Bytes, asset.ContentType, entityTag: asset.Tag);
    }

    private static FrozenDictionary<string, Asset> Load()
    {
        const string Prefix = "page/";
        var assembly = typeof(PageAssets).Assembly;
        var types = new FileExtensionContentTypeProvider();
        return assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).ToFrozenDictionary(
            name => name[Prefix.Length..],
            name =>
            {
                using var bytes = new MemoryStream();
                assembly.GetManifestResourceStream(name)!.CopyTo(bytes);
                var tag = new EntityTagHeaderValue($"\"{Convert.ToHexStringLower(SHA256.HashData(bytes.ToArray()))[..16]}\"");
                var type = types.TryGetContentType(name, out var known) ? known : "application/octet-stream";
                return new Asset(bytes.ToArray(), type.StartsWith("text/", StringComparison.Ordinal) ? $"{type}; charset=utf-8" : type, tag);
            });
    }
}
